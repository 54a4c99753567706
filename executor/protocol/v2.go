package protocol

import (
	"net/http"
	"net/url"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

const inferenceService = "inference.GRPCInferenceService"

func v2() *Protocol {
	name, version := []protowire.Number{1}, []protowire.Number{2}
	p := &Protocol{
		Name:     "v2",
		Synonyms: []string{"kfserving"},
		Operations: []Operation{
			{Method: http.MethodGet, Path: "/v2", Action: ServerMetadata},
			{Method: http.MethodGet, Path: "/v2/health/live", Action: Live},
			{Method: http.MethodGet, Path: "/v2/health/ready", Action: Ready},
			{Method: http.MethodPost, Path: "/v2/models/infer", Action: Predict},
			{Method: http.MethodPost, Path: "/v2/repository/index", Action: RepositoryIndex},
			{Method: http.MethodPost, Path: "/v2/repository/models/{model}/load", Action: RepositoryLoad},
			{Method: http.MethodPost, Path: "/v2/repository/models/{model}/unload", Action: RepositoryUnload},
		},
		Methods: []Method{
			{Service: inferenceService, Name: "ServerLive", Action: Live, Field: 1},
			{Service: inferenceService, Name: "ServerReady", Action: Ready, Field: 1},
			{Service: inferenceService, Name: "ServerMetadata", Action: ServerMetadata},
			{Service: inferenceService, Name: "ModelReady", Action: Status, Model: name, Version: version},
			{Service: inferenceService, Name: "ModelMetadata", Action: Metadata, Model: name, Version: version},
			{Service: inferenceService, Name: "ModelConfig", Action: Config, Model: name, Version: version},
			{Service: inferenceService, Name: "ModelStatistics", Action: Statistics, Model: name, Version: version},
			{Service: inferenceService, Name: "ModelInfer", Action: Predict, Model: name, Version: version},
			{Service: inferenceService, Name: "RepositoryIndex", Action: RepositoryIndex},
			{Service: inferenceService, Name: "RepositoryModelLoad", Action: RepositoryLoad, Model: repositoryModel()},
			{Service: inferenceService, Name: "RepositoryModelUnload", Action: RepositoryUnload, Model: repositoryModel()},
			{Service: inferenceService, Name: "ModelStreamInfer", Action: StreamPredict, Model: name, Version: version, Field: 2, Errors: 1},
		},
		Dialects: [2]Dialect{
			REST: {Form: translate.V2JSON, Target: v2Path, Query: v2QueryPath, Repository: v2RepositoryPath, Extensions: "/v2", Describe: describeJSON, Up: upV2JSON},
			GRPC: {Form: translate.V2Proto, Target: v2Method, Query: v2QueryMethod, Repository: v2RepositoryMethod, Describe: describeV2, Up: upV2, Name: name,
				Version: version, Answered: version},
		},
		Versions:    v2Inventory(),
		Failure:     plainFailure,
		Docs:        []string{"/v2/docs"},
		Document:    "dataplane",
		FailureText: plainFailureText,
		Health:      "/v2/health/ready",
		Describes:   true,
		Named:       true,
	}
	for _, model := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		p.Operations = append(p.Operations,
			Operation{Method: http.MethodPost, Path: model + "/infer", Action: Predict},
			Operation{Method: http.MethodGet, Path: model + "/ready", Action: Status},
			Operation{Method: http.MethodGet, Path: model + "/config", Action: Config},
			Operation{Method: http.MethodGet, Path: model + "/stats", Action: Statistics},
			Operation{Method: http.MethodGet, Path: model, Action: Metadata})
	}
	return p
}

func v2ModelPath(m message.Model) string {
	path := "/v2/models/" + url.PathEscape(m.Name)
	if m.Version != "" {
		path += "/versions/" + url.PathEscape(m.Version)
	}
	return path
}

func v2Path(c graph.Call, m message.Model) string {
	switch c {
	case graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput:
		return v2ModelPath(m) + "/infer"
	case graph.CallRoute:
		return v2ModelPath(m) + "/route"
	case graph.CallAggregate:
		return v2ModelPath(m) + "/aggregate"
	}
	return ""
}

func v2QueryPath(q Query, m message.Model) (string, []byte) {
	return v2ModelPath(m) + [...]string{QueryStatus: "/ready", QueryMetadata: "", QueryConfig: "/config", QueryStatistics: "/stats"}[q], nil
}

// v2Method asks routers by ModelInfer as well: the route is the first number
// of the answer.
func v2Method(c graph.Call, _ message.Model) string {
	switch c {
	case graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput, graph.CallRoute:
		return "/" + inferenceService + "/ModelInfer"
	}
	return ""
}

func v2QueryMethod(q Query, m message.Model) (string, []byte) {
	request := stringField([]protowire.Number{1}, m.Name)
	if m.Version != "" {
		request = append(request, stringField([]protowire.Number{2}, m.Version)...)
	}
	method := [...]string{QueryStatus: "ModelReady", QueryMetadata: "ModelMetadata", QueryConfig: "ModelConfig", QueryStatistics: "ModelStatistics"}[q]
	return "/" + inferenceService + "/" + method, request
}

// repositoryModel is the way to the field that names the model in a request to load or
// unload one.
func repositoryModel() []protowire.Number { return []protowire.Number{2} }

func v2RepositoryPath(a Action, model string) string {
	switch a {
	case RepositoryIndex:
		return v2IndexPath
	case RepositoryLoad:
		return "/v2/repository/models/" + url.PathEscape(model) + "/load"
	case RepositoryUnload:
		return "/v2/repository/models/" + url.PathEscape(model) + "/unload"
	}
	return ""
}

func v2RepositoryMethod(a Action, _ string) string {
	switch a {
	case RepositoryIndex:
		return "/" + inferenceService + "/RepositoryIndex"
	case RepositoryLoad:
		return "/" + inferenceService + "/RepositoryModelLoad"
	case RepositoryUnload:
		return "/" + inferenceService + "/RepositoryModelUnload"
	}
	return ""
}

// ForRepositoryModel is a gRPC request to load or unload a model, whichever it names, of
// this one.
func ForRepositoryModel(m message.Message, name string) message.Message {
	if StringOf(m, repositoryModel()) != name {
		m.Tail = append(stringField(repositoryModel(), name), m.Tail...)
	}
	return m
}
