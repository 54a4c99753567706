package conformance

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// questions checks status and metadata of nodes and of the whole graph.
func questions(t *testing.T, start Start) {
	t.Run("nodes over REST", func(t *testing.T) { nodesOverREST(t, start) })
	t.Run("nodes over gRPC", func(t *testing.T) { nodesOverGRPC(t, start) })
	t.Run("nodes that are down", func(t *testing.T) { nodesDown(t, start) })
	t.Run("graph metadata", func(t *testing.T) { graphMetadata(t, start) })
	t.Run("graph edges", func(t *testing.T) { graphEdges(t, start) })
}

func nodesOverREST(t *testing.T, start Start) {
	for _, c := range []struct {
		protocol, inside, path string
		code                   int
		// asked are the paths that the node is asked at.
		asked string
		// answer is part of the body.
		answer string
	}{
		{"seldon", "", "/api/v1.0/status/b", 200, "/health/status", `"ok"`},
		{"seldon", "", "/api/v0.1/metadata/b", 200, "/metadata", `model of b`},
		{"seldon", "", "/api/v1.0/status/zz", 404, "", "Failed to find model zz"},
		{"seldon", "tensorflow", "/api/v1.0/metadata/b", 200, "/v1/models/b/metadata /v1/models/b", `{"name":"features","datatype":"FP32","shape":[-1]}`},
		{"seldon", "v2", "/api/v1.0/status/b", 200, "/v2/models/b/ready", `"ok"`},
		{"tensorflow", "", "/v1/models/b", 200, "/v1/models/b", "AVAILABLE"},
		{"tensorflow", "", "/v1/models/b/metadata", 200, "/v1/models/b/metadata", "signature_def"},
		{"tensorflow", "v2", "/v1/models/b/metadata", 200, "/v2/models/b /v2/repository/index", "DT_DOUBLE"},
		{"tensorflow", "v2", "/v1/models/b", 200, "/v2/models/b/ready", "AVAILABLE"},
		{"tensorflow", "", "/v1/models/zz", 404, "", "Failed to find model zz"},
		{"v2", "", "/v2/models/b/ready", 200, "/v2/models/b/ready", `"ready":true`},
		{"v2", "", "/v2/models/b", 200, "/v2/models/b", `"platform":"stub"`},
		{"v2", "", "/v2/models/b/versions/1/ready", 200, "/v2/models/b/versions/1/ready", `"ready":true`},
		{"v2", "tensorflow", "/v2/models/b", 200, "/v1/models/b/metadata /v1/models/b", `"datatype":"FP32"`},
		{"v2", "tensorflow", "/v2/models/b/ready", 200, "/v1/models/b", `"ready":true`},
		{"v2", "", "/v2/models/zz/ready", 404, "", "Failed to find model zz"},
	} {
		t.Run(c.protocol+" "+c.inside+" "+c.path, func(t *testing.T) {
			e, cs := launch(t, start, c.protocol, model("a", 1, speaking(c.inside, model("b", 2))))
			body, header, err := get(soon(t), "http://"+e.REST+c.path)
			if c.code != http.StatusOK {
				failed(t, wire{}, err, failure{c.code, codes.OK, c.answer})
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if header.Get("Content-Type") != "application/json" || !containsText(body, c.answer) {
				t.Errorf("answer is %s %s", header.Get("Content-Type"), body)
			}
			if calls := cs["b"].Calls(); strings.Join(paths(calls), " ") != c.asked || calls[0].Method != http.MethodGet {
				t.Errorf("the node was asked %v", paths(calls))
			}
		})
	}
}

// nodesDown checks that a server which does not answer is not described as if
// it had nothing to tell.
func nodesDown(t *testing.T, start Start) {
	for _, inside := range protocols() {
		e, cs := launch(t, start, "seldon", speaking(inside, model("b", 2)))
		cs["b"].Close()
		for _, path := range []string{"status/b", "metadata/b", "metadata"} {
			_, _, err := get(soon(t), "http://"+e.REST+"/api/v1.0/"+path)
			failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "b": `})
			failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, "connection refused"})
		}
		err := invoke(soon(t), e.at(seldon.Seldon_ModelMetadata_FullMethodName), &seldon.SeldonModelMetadataRequest{Name: "b"}, &seldon.SeldonModelMetadata{})
		failed(t, wire{grpc: true}, err, failure{0, codes.Unavailable, "connection refused"})
	}
}

func nodesOverGRPC(t *testing.T, start Start) {
	for _, inside := range protocols() {
		t.Run("seldon "+inside, func(t *testing.T) {
			e, _ := launch(t, start, "seldon", model("a", 1, speaking(inside, model("b", 2))))
			var meta seldon.SeldonModelMetadata
			if err := invoke(soon(t), e.at(seldon.Seldon_ModelMetadata_FullMethodName), &seldon.SeldonModelMetadataRequest{Name: "b"}, &meta); err != nil {
				t.Fatal(err)
			}
			if len(meta.Inputs) != 1 || len(meta.Outputs) != 1 {
				t.Errorf("metadata is %v", &meta)
			}
			err := invoke(soon(t), e.at(seldon.Seldon_ModelMetadata_FullMethodName), &seldon.SeldonModelMetadataRequest{Name: "zz"}, &meta)
			failed(t, wire{grpc: true}, err, failure{0, codes.NotFound, "Failed to find model zz"})
		})
	}
	for _, inside := range []string{"tensorflow", "v2"} {
		t.Run("tensorflow "+inside, func(t *testing.T) {
			e, _ := launch(t, start, "tensorflow", speaking(inside, model("b", 2)))
			spec := &tensorflow.ModelSpec{Name: "b"}
			var meta tensorflow.GetModelMetadataResponse
			if err := invoke(soon(t), e.at(tensorflow.PredictionService_GetModelMetadata_FullMethodName), &tensorflow.GetModelMetadataRequest{ModelSpec: spec, MetadataField: []string{"signature_def"}}, &meta); err != nil {
				t.Fatal(err)
			}
			var signatures tensorflow.SignatureDefMap
			if err := meta.Metadata["signature_def"].UnmarshalTo(&signatures); err != nil || len(signatures.SignatureDef["serving_default"].GetInputs()) != 1 {
				t.Errorf("metadata is %v, %v", &signatures, err)
			}
			var state tensorflow.GetModelStatusResponse
			if err := invoke(soon(t), e.at(tensorflow.ModelService_GetModelStatus_FullMethodName), &tensorflow.GetModelStatusRequest{ModelSpec: spec}, &state); err != nil || state.ModelVersionStatus[0].State != tensorflow.ModelVersionStatus_AVAILABLE {
				t.Errorf("status is %v, %v", &state, err)
			}
		})
		t.Run("v2 "+inside, func(t *testing.T) {
			e, _ := launch(t, start, "v2", speaking(inside, model("b", 2)))
			var meta inference.ModelMetadataResponse
			if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelMetadata_FullMethodName), &inference.ModelMetadataRequest{Name: "b"}, &meta); err != nil || len(meta.Inputs) != 1 || meta.Name != "b" {
				t.Errorf("metadata is %v, %v", &meta, err)
			}
			var ready inference.ModelReadyResponse
			if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelReady_FullMethodName), &inference.ModelReadyRequest{Name: "b"}, &ready); err != nil || !ready.Ready {
				t.Errorf("ready is %v, %v", &ready, err)
			}
		})
	}
}

// graphMetadata compares the whole document, the order of its keys included.
func graphMetadata(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", router("r", 0, model("a", 1), model("b", 2)))
	cs["r"].On("/metadata", stub.Answer{Body: []byte(`{"versions":["2"],"name":"R","inputs":[],"extra":1,"custom":{"k":"v"},"platform":""}`)})
	cs["a"].On("/metadata", stub.Answer{Body: []byte(`{"name":"A","outputs":[{"x":1.0}],"inputs":null}`)})
	cs["b"].On("/metadata", stub.Answer{Body: []byte(`{}`)})
	body, _, err := get(soon(t), "http://"+e.REST+"/api/v1.0/metadata")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"main","models":{"a":{"name":"A","outputs":[{"x":1.0}]},"b":{},"r":{"name":"R","versions":["2"],"inputs":[],"custom":{"k":"v"}}},` +
		`"graphinputs":null,"graphoutputs":[{"x":1.0}]}`
	if string(body) != want {
		t.Errorf("metadata is\n%s, want\n%s", body, want)
	}
	cs["b"].On("/metadata", stub.Answer{Body: []byte(`<html>`)})
	_, _, err = get(soon(t), "http://"+e.REST+"/api/v1.0/metadata")
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "b": metadata`})

	var meta seldon.SeldonGraphMetadata
	if err := invoke(soon(t), e.at(seldon.Seldon_GraphMetadata_FullMethodName), &emptypb.Empty{}, &meta); err != nil {
		t.Fatal(err)
	}
	if meta.Name != "main" || len(meta.Models) != 3 || meta.Models["a"].Name != "model of a" || meta.Inputs[0].Name != "in of a" || meta.Outputs[0].Name != "out of a" {
		t.Errorf("metadata is %v", &meta)
	}
}

func graphEdges(t *testing.T, start Start) {
	for _, c := range []struct {
		name            string
		graph           Node
		inputs, outputs string
	}{
		{"model", model("a", 1), "a", "a"},
		{"chain", model("a", 1, model("b", 2)), "a", "b"},
		{"transformer", typed(graph.Transformer, "a", 1, model("b", 2)), "a", "b"},
		{"output transformer", typed(graph.OutputTransformer, "a", 1, model("b", 2)), "b", "a"},
		{"combiner", typed(graph.Combiner, "a", 1, model("b", 2), model("c", 3)), "b", "a"},
		{"router", router("a", 0, model("b", 2), model("c", 3)), "b", "b"},
		{"A/B test", builtin("RANDOM_ABTEST", "t", model("b", 2), model("c", 3)), "b", "b"},
		{"average", builtin("AVERAGE_COMBINER", "t", model("b", 2), model("c", 3)), "b", "b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, _ := launch(t, start, "seldon", c.graph)
			body, _, err := get(soon(t), "http://"+e.REST+"/api/v1.0/metadata")
			if err != nil {
				t.Fatal(err)
			}
			var meta struct {
				GraphInputs, GraphOutputs []struct{ Schema struct{ Name string } }
			}
			if err := json.Unmarshal(body, &meta); err != nil || len(meta.GraphInputs) != 1 || len(meta.GraphOutputs) != 1 {
				t.Fatalf("metadata is %s, %v", body, err)
			}
			got := []string{meta.GraphInputs[0].Schema.Name, meta.GraphOutputs[0].Schema.Name}
			if diff := cmp.Diff([]string{"in of " + c.inputs, "out of " + c.outputs}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
