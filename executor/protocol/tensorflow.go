package protocol

import (
	"encoding/json"
	"net/http"
	"net/url"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

const (
	predictionService = "tensorflow.serving.PredictionService"
	modelService      = "tensorflow.serving.ModelService"
)

func tensorflow() *Protocol {
	modelSpec, version, label := []protowire.Number{1, 1}, []protowire.Number{1, 2, 1}, []protowire.Number{1, 4}
	method := func(service, name string, action Action, verb string) Method {
		return Method{Service: service, Name: name, Action: action, Verb: verb, Model: modelSpec, Version: version, Label: label, Quiet: true}
	}
	p := &Protocol{
		Name: "tensorflow",
		Operations: []Operation{
			{Method: http.MethodPost, Path: "/v1/models/:predict", Action: Predict},
			{Method: http.MethodPost, Path: "/v1/models:predict", Action: Predict},
			{Method: http.MethodPost, Path: "/api/v1.0/feedback", Action: Feedback},
			{Method: http.MethodPost, Path: "/v1/models/{model}/:predict", Action: Predict},
		},
		Methods: []Method{
			method(predictionService, "Predict", Predict, ""),
			method(predictionService, "Classify", Predict, "classify"),
			method(predictionService, "Regress", Predict, "regress"),
			{Service: predictionService, Name: "MultiInference", Action: Predict, Verb: "multi-inference", Quiet: true},
			method(predictionService, "GetModelMetadata", Metadata, ""),
			method(modelService, "GetModelStatus", Status, ""),
		},
		Dialects: [2]Dialect{
			REST: {Form: translate.TensorFlowJSON, Target: tensorflowPath, Query: tensorflowQueryPath, Describe: describeTensorFlowJSON, Up: upTensorFlowJSON},
			GRPC: {Form: translate.TensorFlowProto, Target: tensorflowMethod, Query: tensorflowQueryMethod, Describe: describeTensorFlow, Up: upTensorFlow, Name: modelSpec,
				Version: version, Label: label, Answered: []protowire.Number{2, 2, 1}},
		},
		Versions:    tensorflowInventory(),
		Failure:     plainFailure,
		Docs:        []string{"/v1/docs"},
		Document:    "tensorflow",
		FailureText: plainFailureText,
		Describes:   true,
		Named:       true,
	}
	for _, model := range []string{"/v1/models/{model}", "/v1/models/{model}/versions/{number}", "/v1/models/{model}/labels/{label}"} {
		p.Operations = append(p.Operations,
			Operation{Method: http.MethodPost, Path: model + ":predict", Action: Predict},
			Operation{Method: http.MethodPost, Path: model + ":classify", Action: Predict, Verb: "classify"},
			Operation{Method: http.MethodPost, Path: model + ":regress", Action: Predict, Verb: "regress"},
			Operation{Method: http.MethodGet, Path: model, Action: Status},
			Operation{Method: http.MethodGet, Path: model + "/metadata", Action: Metadata})
	}
	return p
}

func tensorflowModelPath(m message.Model) string {
	path := "/v1/models/" + url.PathEscape(m.Name)
	switch {
	case m.Version != "":
		path += "/versions/" + url.PathEscape(m.Version)
	case m.Label != "":
		path += "/labels/" + url.PathEscape(m.Label)
	}
	return path
}

func tensorflowPath(c graph.Call, m message.Model) string {
	verb := m.Verb
	switch c {
	case graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput:
		if verb == "" {
			verb = "predict"
		}
	case graph.CallRoute:
		verb = "route"
	case graph.CallAggregate:
		verb = "aggregate"
	default:
		return ""
	}
	return tensorflowModelPath(m) + ":" + verb
}

func tensorflowQueryPath(q Query, m message.Model) (string, []byte) {
	switch q {
	case QueryStatus:
		return tensorflowModelPath(m), nil
	case QueryMetadata:
		return tensorflowModelPath(m) + "/metadata", nil
	}
	return "", nil
}

// tensorflowMethod asks routers by Predict as well: the route is the first
// number of the answer.
func tensorflowMethod(c graph.Call, m message.Model) string {
	switch c {
	case graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput, graph.CallRoute:
	default:
		return ""
	}
	switch m.Verb {
	case "classify":
		return "/" + predictionService + "/Classify"
	case "regress":
		return "/" + predictionService + "/Regress"
	case "multi-inference":
		return "/" + predictionService + "/MultiInference"
	}
	return "/" + predictionService + "/Predict"
}

func tensorflowQueryMethod(q Query, m message.Model) (string, []byte) {
	request := stringField([]protowire.Number{1, 1}, m.Name)
	switch n := number(m.Version); {
	case n > 0:
		request = append(request, numberField([]protowire.Number{1, 2, 1}, n)...)
	case m.Label != "":
		request = append(request, stringField([]protowire.Number{1, 4}, m.Label)...)
	}
	switch q {
	case QueryStatus:
		return "/" + modelService + "/GetModelStatus", request
	case QueryMetadata:
		return "/" + predictionService + "/GetModelMetadata", append(request, stringField([]protowire.Number{2}, "signature_def")...)
	}
	return "", nil
}

// plainFailure says the same twice: "error" is where clients of TensorFlow
// Serving and of the open inference protocol look, "status" where those of
// Seldon Core look.
func plainFailure(status int, info string) []byte {
	body, _ := json.Marshal(struct {
		Error  string       `json:"error"`
		Status seldonStatus `json:"status"`
	}{info, seldonStatus{status, info, "FAILURE"}})
	return body
}

func plainFailureText(body []byte) string {
	var f struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &f) != nil {
		return ""
	}
	return f.Error
}
