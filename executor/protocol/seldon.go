package protocol

import (
	"encoding/json"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

const seldonService = "seldon.protos.Seldon"

func seldon() *Protocol {
	p := &Protocol{
		Name: "seldon",
		Operations: []Operation{
			{Method: http.MethodGet, Path: "/api/v1.0/status", Action: Ready},
			{Method: http.MethodGet, Path: "/api/v1.0/health/status", Action: Ready},
			{Method: http.MethodGet, Path: "/api/v1.0/metadata", Action: GraphMetadata},
		},
		Methods: []Method{
			{Service: seldonService, Name: "Predict", Action: Predict},
			{Service: seldonService, Name: "SendFeedback", Action: Feedback},
			{Service: seldonService, Name: "ModelMetadata", Action: Metadata, Model: []protowire.Number{1}, Quiet: true},
			{Service: seldonService, Name: "GraphMetadata", Action: GraphMetadata, Quiet: true},
		},
		Dialects: [2]Dialect{
			REST: {Form: translate.SeldonJSON, Target: seldonPath, Query: seldonQueryPath, Describe: describeJSON, Up: upSeldonJSON},
			GRPC: {Form: translate.SeldonProto, Target: seldonMethod, Query: seldonQueryMethod, Describe: describeSeldon},
		},
		Failure:     seldonFailure,
		Docs:        []string{"/api/v0.1/doc", "/api/v1.0/doc"},
		Document:    "seldon",
		FailureText: seldonFailureText,
		Health:      "/api/v1.0/health/status",
		Feedback:    true,
	}
	for _, version := range []string{"/api/v0.1", "/api/v1.0"} {
		p.Operations = append(p.Operations,
			Operation{Method: http.MethodPost, Path: version + "/predictions", Action: Predict},
			Operation{Method: http.MethodPost, Path: version + "/feedback", Action: Feedback},
			Operation{Method: http.MethodGet, Path: version + "/status/{model}", Action: Status},
			Operation{Method: http.MethodGet, Path: version + "/metadata/{model}", Action: Metadata})
	}
	return p
}

func seldonPath(c graph.Call, _ message.Model) string {
	switch c {
	case graph.CallPredict:
		return "/predict"
	case graph.CallTransformInput:
		return "/transform-input"
	case graph.CallTransformOutput:
		return "/transform-output"
	case graph.CallRoute:
		return "/route"
	case graph.CallAggregate:
		return "/aggregate"
	case graph.CallSendFeedback:
		return "/send-feedback"
	}
	return ""
}

func seldonQueryPath(q Query, _ message.Model) (string, []byte) {
	switch q {
	case QueryStatus:
		return "/health/status", nil
	case QueryMetadata:
		return "/metadata", nil
	}
	return "", nil
}

// seldonMethod sends feedback to the Model service, for routers too: that is
// the one every server of this protocol registers.
func seldonMethod(c graph.Call, _ message.Model) string {
	switch c {
	case graph.CallPredict:
		return "/seldon.protos.Model/Predict"
	case graph.CallTransformInput:
		return "/seldon.protos.Transformer/TransformInput"
	case graph.CallTransformOutput:
		return "/seldon.protos.OutputTransformer/TransformOutput"
	case graph.CallRoute:
		return "/seldon.protos.Router/Route"
	case graph.CallAggregate:
		return "/seldon.protos.Combiner/Aggregate"
	case graph.CallSendFeedback:
		return "/seldon.protos.Model/SendFeedback"
	}
	return ""
}

func seldonQueryMethod(q Query, _ message.Model) (string, []byte) {
	if q == QueryMetadata {
		return "/seldon.protos.Model/Metadata", []byte{}
	}
	return "", nil
}

type seldonStatus struct {
	Code   int    `json:"code"`
	Info   string `json:"info"`
	Status string `json:"status"`
}

func seldonFailure(status int, info string) []byte {
	// A struct of strings and a number has a JSON form always.
	body, _ := json.Marshal(struct {
		Status seldonStatus `json:"status"`
	}{seldonStatus{status, info, "FAILURE"}})
	return body
}

func seldonFailureText(body []byte) string {
	var f struct {
		Status struct {
			Info string `json:"info"`
		} `json:"status"`
	}
	if json.Unmarshal(body, &f) != nil {
		return ""
	}
	return f.Status.Info
}
