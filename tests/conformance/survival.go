package conformance

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// survivalCase is an input that ends the process of Seldon Core v1's executor,
// closes the connection or spoils the answer. fails is the error that it must
// be here; nothing: it must be answered.
type survivalCase struct {
	name, protocol string
	graph          Node
	// spoil, if any, makes components misbehave.
	spoil func(t *testing.T, cs components)
	env   map[string]string
	send  func(t *testing.T, e Executor) error
	fails *failure
}

func calling(method string, in, out proto.Message) func(*testing.T, Executor) error {
	return func(t *testing.T, e Executor) error { return invoke(soon(t), e.at(method), in, out) }
}

func posting(path, text string) func(*testing.T, Executor) error {
	return func(t *testing.T, e Executor) error {
		_, _, err := post(soon(t), "http://"+e.REST+path, "application/json", []byte(text))
		return err
	}
}

// wrong is an error of the executor's own.
func wrong(text string) *failure {
	return &failure{http.StatusInternalServerError, codes.Internal, text}
}

func survivalOverGRPC() []survivalCase {
	two := []Node{model("a", 1), model("b", 2)}
	rpc := func(t *testing.T, e Executor) error { _, err := seldonRPC(soon(t), e, 7); return err }
	routing := func(text string) func(*testing.T, components) {
		return func(t *testing.T, cs components) {
			var answer seldon.SeldonMessage
			if err := protojson.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatal(err)
			}
			out, _ := proto.Marshal(&answer)
			cs["r"].On("/seldon.protos.Router/Route", stub.Answer{Body: out})
		}
	}
	unimplemented := &failure{http.StatusNotImplemented, codes.Unimplemented, ""}
	v2 := func(name string, code codes.Code, in, out proto.Message) survivalCase {
		return survivalCase{name: "v2 " + name, protocol: "v2", graph: model("a", 1), send: calling("/inference.GRPCInferenceService/"+name, in, out), fails: &failure{0, code, ""}}
	}
	feedback := &seldon.Feedback{Response: &seldon.SeldonMessage{Meta: &seldon.Meta{Routing: map[string]int32{"r": 9}}}}
	return []survivalCase{
		v2("RepositoryIndex", codes.PermissionDenied, &inference.RepositoryIndexRequest{}, &inference.RepositoryIndexResponse{}),
		v2("RepositoryModelUnload", codes.PermissionDenied, &inference.RepositoryModelUnloadRequest{}, &inference.RepositoryModelUnloadResponse{}),
		v2("SystemSharedMemoryRegister", codes.Unimplemented, &inference.SystemSharedMemoryRegisterRequest{}, &inference.SystemSharedMemoryRegisterResponse{}),
		v2("CudaSharedMemoryStatus", codes.Unimplemented, &inference.CudaSharedMemoryStatusRequest{}, &inference.CudaSharedMemoryStatusResponse{}),
		{name: "v2 transformer over gRPC", protocol: "v2", graph: typed(graph.Transformer, "t", 5, model("a", 1)),
			send: func(t *testing.T, e Executor) error { _, err := v2RPC(soon(t), e, 7); return err }},
		{name: "v2 combiner over gRPC", protocol: "v2", graph: typed(graph.Combiner, "c", 5, two...),
			send: func(t *testing.T, e Executor) error { _, err := v2RPC(soon(t), e, 7); return err }, fails: unimplemented},
		{name: "tensorflow router over gRPC", protocol: "tensorflow", graph: router("r", 1, two...),
			send: func(t *testing.T, e Executor) error { _, err := tensorflowRPC(soon(t), e, 7); return err }},
		{name: "tensorflow combiner over gRPC", protocol: "tensorflow", graph: typed(graph.Combiner, "c", 5, two...),
			send: func(t *testing.T, e Executor) error { _, err := tensorflowRPC(soon(t), e, 7); return err }, fails: unimplemented},
		{name: "route out of range over gRPC", protocol: "seldon", graph: router("r", 9, two...), send: rpc, fails: wrong("route 9 is out of range")},
		{name: "router's answer without data", protocol: "seldon", graph: router("r", 0, two...), send: rpc, spoil: routing(`{}`), fails: wrong("holds no data")},
		{name: "router's answer of text", protocol: "seldon", graph: router("r", 0, two...), send: rpc, spoil: routing(`{"strData":"1"}`), fails: wrong("holds no data")},
		{name: "router's answer of an empty list", protocol: "seldon", graph: router("r", 0, two...), send: rpc, spoil: routing(`{"data":{"ndarray":[]}}`), fails: wrong("empty list")},
		{name: "router that is down", protocol: "seldon", graph: router("r", 0, two...), send: rpc,
			spoil: func(_ *testing.T, cs components) { cs["r"].Close() }, fails: &failure{0, codes.Unavailable, ""}},
		{name: "routing injection without a meta", protocol: "seldon", graph: router("r", 1, two...), send: rpc,
			env: map[string]string{"SELDON_ENABLE_ROUTING_INJECTION": "1"}},
		{name: "graph metadata with an A/B test", protocol: "seldon", graph: builtin("RANDOM_ABTEST", "t", two...),
			send: calling(seldon.Seldon_GraphMetadata_FullMethodName, &emptypb.Empty{}, &seldon.SeldonGraphMetadata{})},
		{name: "metadata of a built-in node", protocol: "seldon", graph: builtin("RANDOM_ABTEST", "t", two...),
			send: calling(seldon.Seldon_ModelMetadata_FullMethodName, &seldon.SeldonModelMetadataRequest{Name: "t"}, &seldon.SeldonModelMetadata{}), fails: unimplemented},
		{name: "tensorflow metadata without a model", protocol: "tensorflow", graph: model("a", 1),
			send:  calling(tensorflow.PredictionService_GetModelMetadata_FullMethodName, &tensorflow.GetModelMetadataRequest{}, &tensorflow.GetModelMetadataResponse{}),
			fails: &failure{0, codes.NotFound, "Failed to find model"}},
		{name: "feedback out of range", protocol: "seldon", graph: router("r", 0, two...),
			send: calling(seldon.Seldon_SendFeedback_FullMethodName, feedback, &seldon.SeldonMessage{}), fails: &failure{0, codes.InvalidArgument, "route 9 is out of range"}},
	}
}

func survivalOverREST() []survivalCase {
	two := []Node{model("a", 1), model("b", 2)}
	binary := "\x00<&>\xff\xe2\x80\xa8"
	return []survivalCase{
		{name: "route out of range below a fan-out", protocol: "seldon", graph: model("m", 1, model("x", 1), router("r", 9, two...)),
			send: posting("/api/v1.0/predictions", `{"data":{"ndarray":[7]}}`), fails: wrong("route 9 is out of range")},
		{name: "routing injection and a failed output transformer", protocol: "seldon", graph: typed(graph.OutputTransformer, "o", 1, model("a", 1)),
			send: posting("/api/v1.0/predictions", `{"data":{"ndarray":[7]}}`), env: map[string]string{"SELDON_ENABLE_ROUTING_INJECTION": "1"},
			spoil: func(_ *testing.T, cs components) {
				cs["o"].On("/transform-output", stub.Answer{Status: 500, Body: []byte(`{"meta":{}}`)})
			},
			fails: wrong("")},
		{name: "tensorflow, an array", protocol: "tensorflow", graph: model("a", 1, model("b", 2)), send: posting("/v1/models/:predict", `[1]`), fails: &failure{http.StatusBadRequest, 0, ""}},
		{name: "v2, an array", protocol: "v2", graph: model("a", 1, model("b", 2)), send: posting("/v2/models/infer", `[1]`), fails: &failure{http.StatusBadRequest, 0, ""}},
		{name: "binary answer", protocol: "seldon", graph: model("a", 1),
			spoil: func(_ *testing.T, cs components) {
				cs["a"].On("/predict", stub.Answer{Type: "application/octet-stream", Body: []byte(binary)})
			},
			send: func(t *testing.T, e Executor) error {
				got, _, err := post(soon(t), predictions(e), "application/octet-stream", []byte("x"))
				if string(got) != binary {
					t.Errorf("answer is %q, want %q", got, binary)
				}
				return err
			}},
		{name: "large numbers in a chain", protocol: "v2", graph: model("a", 1, model("b", 2)),
			spoil: func(_ *testing.T, cs components) {
				cs["a"].On("/v2/models/a/infer", stub.Answer{Body: []byte(`{"outputs":[{"name":"o","datatype":"INT64","shape":[1],"data":[9007199254740993]}]}`)})
				cs["b"].Handle("/v2/models/b/infer", func(c stub.Call) stub.Answer { return stub.Answer{Body: c.Body} })
			},
			send: func(t *testing.T, e Executor) error {
				got, _, err := post(soon(t), "http://"+e.REST+"/v2/models/infer", "application/json", []byte(`{"inputs":[]}`))
				if !strings.Contains(string(got), "9007199254740993") {
					t.Errorf("answer is %s", got)
				}
				return err
			}},
	}
}

// survival sends what ends other executors, and a plain request after it.
func survival(t *testing.T, start Start) {
	for _, c := range survivalOverGRPC() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.sent(t, start); c.fails != nil {
				failed(t, wire{grpc: true}, err, *c.fails)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	for _, c := range survivalOverREST() {
		t.Run(c.name, func(t *testing.T) {
			err := c.sent(t, start)
			switch s := new(status); {
			case c.fails == nil && err != nil:
				t.Error(err)
			case c.fails != nil && (!errors.As(err, &s) || s.code != c.fails.http || !strings.Contains(string(s.body), c.fails.text) || !json.Valid(s.body)):
				t.Errorf("error is %v, want %d %s", err, c.fails.http, c.fails.text)
			}
		})
	}
}

// sent starts the case's graph, sends its input and asks whether the executor
// is still there.
func (c survivalCase) sent(t *testing.T, start Start) error {
	t.Helper()
	cs := components{}
	l := launchOf(t, c.protocol, c.graph.build(t, c.protocol, cs))
	maps.Copy(l.Env, c.env)
	e := start(t, l)
	if c.spoil != nil {
		c.spoil(t, cs)
	}
	err := c.send(t, e)
	if _, _, err := get(soon(t), "http://"+e.REST+"/live"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	return err
}
