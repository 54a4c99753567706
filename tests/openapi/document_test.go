package openapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/program"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

var protocols = []string{"seldon", "tensorflow", "v2"}

// TestModels checks the document of one model at a time with the validator and
// against the model, which refuses whatever its metadata does not describe.
func TestModels(t *testing.T) {
	x := func(datatype string, shape ...int) tensor { return tensor{"x", datatype, shape} }
	scores := []tensor{{"scores", "FP32", []int{-1, 3}}}
	both := []string{"tensorflow", "v2"}
	var urls []string
	for _, c := range []struct {
		name            string
		inputs, outputs []tensor
		// inside are the protocols that the model's server speaks.
		inside []string
	}{
		{"table", []tensor{x("FP32", -1, 4)}, scores, both},
		{"picture", []tensor{x("FP32", -1, 28, 28, 1)}, scores, both},
		{"large picture", []tensor{x("UINT8", -1, 160, 160, 3)}, scores, both[:1]},
		{"larger than an example", []tensor{x("FP32", -1, 2000, 2000, 3)}, scores, both},
		{"one of each row", []tensor{x("INT64", -1)}, []tensor{{"y", "INT64", []int{-1}}}, both},
		{"text", []tensor{x("BYTES", -1)}, []tensor{{"label", "BYTES", []int{-1}}}, both},
		{"truth", []tensor{x("BOOL", -1, 2)}, []tensor{{"y", "BOOL", []int{-1, 2}}}, both},
		{"scalar", []tensor{x("FP64", []int{}...)}, []tensor{{"y", "FP64", []int{}}}, both},
		{"no batch", []tensor{x("INT32", 2, 3)}, []tensor{{"y", "FP32", []int{2}}}, both},
		{"several", []tensor{{"ids", "INT32", []int{-1, -1}}, {"mask", "INT32", []int{-1, -1}}}, []tensor{{"a", "FP32", []int{-1, 2}}, {"b", "BYTES", []int{-1}}}, both},
		{"odd names", []tensor{{`a "b" <c> | d`, "FP32", []int{-1, 2}}}, []tensor{{"x:0/`y`", "FP32", []int{-1}}}, both},
	} {
		for _, outside := range protocols {
			for _, speaks := range c.inside {
				node := graph.Node{Name: "m", Type: graph.Model, Endpoint: endpoint(t, speaks, strict{speaks, c.inputs, c.outputs}.serve)}
				urls = append(urls, "http://"+execute(t, outside, c.name, node)+openapi.Document(outside))
			}
		}
	}
	openapi.Check(t, urls...)
}

// TestGraphs holds the documents of graphs with several nodes, and of such
// that do not tell.
func TestGraphs(t *testing.T) {
	var urls []string
	for _, protocol := range protocols {
		document := openapi.Document(protocol)
		model := func(name, speaks string, children ...graph.Node) graph.Node {
			m := stub.Model{Protocol: speaks, Name: name, Digit: 1}
			return graph.Node{Name: name, Type: graph.Model, Endpoint: endpoint(t, speaks, m.Serve), Children: children}
		}
		typed := func(kind graph.Type, name string, children ...graph.Node) graph.Node {
			n := model(name, protocol, children...)
			n.Type = kind
			return n
		}
		down := model("down", protocol)
		down.Endpoint.HTTPPort = 1
		for name, root := range map[string]graph.Node{
			"model":       model("a", protocol),
			"chain":       model("a", protocol, model("b", protocol)),
			"transformer": typed(graph.Transformer, "t", model("b", protocol)),
			"router":      typed(graph.Router, "r", model("b", protocol), model("c", protocol)),
			"combiner":    typed(graph.Combiner, "c", model("a", protocol), model("b", protocol)),
			"mixed":       typed(graph.Transformer, "t", model("b", "tensorflow"), model("c", "v2")),
			"A/B test":    {Name: "ab", Implementation: "RANDOM_ABTEST", Children: []graph.Node{model("a", "v2"), model("b", "tensorflow")}},
			"average":     {Name: "mean", Implementation: "AVERAGE_COMBINER", Children: []graph.Node{model("a", protocol), model("b", protocol)}},
			"built in":    {Name: "s", Implementation: "SIMPLE_MODEL"},
			"component":   model("a", "seldon"),
		} {
			urls = append(urls, "http://"+execute(t, protocol, name, root)+document)
		}
		// Of a node that is down nothing can be asked; its document is there.
		address := execute(t, protocol, "down", down)
		resp, err := http.Get("http://" + address + document)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "did not answer when this document was made") {
			t.Errorf("%s: with the node down the document is %d %v %.200s", protocol, resp.StatusCode, err, body)
		}
	}
	openapi.Check(t, urls...)
}

// TestComponents holds the documents of components of the seldon protocol
// against what these say in their metadata.
func TestComponents(t *testing.T) {
	var urls []string
	for name, c := range map[string]struct{ metadata, want string }{
		"columns":   {`{"inputs":[{"messagetype":"tensor","schema":{"names":["a","b"],"shape":[2]}}]}`, `"names":["a","b"],"tensor":{"shape":[1,2],"values":[1,1]}`},
		"ndarray":   {`{"inputs":[{"messagetype":"ndarray","schema":{"shape":[-1,2]}}]}`, `{"data":{"ndarray":[[1,1]]}}`},
		"text":      {`{"inputs":[{"messagetype":"strData"}]}`, `{"strData":"text"}`},
		"bytes":     {`{"inputs":[{"messagetype":"binData"}]}`, `{"binData":"dGV4dA=="}`},
		"JSON":      {`{"inputs":[{"messagetype":"jsonData","schema":{"type":["object","null"],"properties":{"age":{"type":"integer"}}}}]}`, `{"jsonData":{"age":1}}`},
		"v2 style":  {`{"versions":["3"],"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}],"outputs":[{"name":"y","datatype":"FP32","shape":[1]}]}`, `{"data":{"ndarray":[[0.5,0.5]]}}`},
		"nonsense":  {`{"inputs":{"messagetype":7},"versions":1}`, `{"data":{"ndarray":[[1.0,2.0,3.0,4.0]]}}`},
		"no object": {`[1]`, `{"data":{"ndarray":[[1.0,2.0,3.0,4.0]]}}`},
	} {
		serve := func(s *stub.Server) {
			stub.Model{Protocol: "seldon", Name: "m"}.Serve(s)
			s.On("/predict", stub.Answer{Body: []byte(`{"data":{"ndarray":[[1]]}}`)})
			s.On("/metadata", stub.Answer{Body: []byte(c.metadata)})
		}
		address := execute(t, "seldon", name, graph.Node{Name: "m", Type: graph.Model, Endpoint: endpoint(t, "seldon", serve)})
		resp, err := http.Get("http://" + address + openapi.Document("seldon"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), c.want) {
			t.Errorf("%s: the document has no %s: %s", name, c.want, body)
		}
		if json.Valid([]byte(c.metadata)) && c.metadata[0] == '{' && name != "nonsense" {
			urls = append(urls, "http://"+address+openapi.Document("seldon"))
		}
	}
	openapi.Check(t, urls...)
}

// endpoint starts a server.
func endpoint(t *testing.T, speaks string, serve func(*stub.Server)) *graph.Endpoint {
	t.Helper()
	s, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	serve(s)
	port, err := strconv.ParseInt(s.HTTP[strings.LastIndexByte(s.HTTP, ':')+1:], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &graph.Endpoint{ServiceHost: "127.0.0.1", Type: graph.REST, HTTPPort: int32(port), ServicePort: int32(port), Protocol: speaks}
}

// execute runs an executor until the test ends and returns its REST address.
func execute(t *testing.T, protocol, name string, root graph.Node) string {
	t.Helper()
	predictor, err := json.Marshal(object{"name": "main", "graph": root})
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(predictor), "RADIANT_PODINFO": t.TempDir()}
	args := []string{"--sdep", name, "--namespace", "ns", "--predictor", "main", "--protocol", protocol, "--http_port", "0", "--grpc_port", "0"}
	c, err := config.Load(args, func(name string) (string, bool) { v, ok := variables[name]; return v, ok }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	addresses, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- program.Run(ctx, c, io.Discard, func(rest, _ string) { addresses <- "127.0.0.1" + rest[strings.LastIndexByte(rest, ':'):] })
	}()
	select {
	case address := <-addresses:
		t.Cleanup(func() { stop(); <-ended })
		return address
	case err := <-ended:
		stop()
		t.Fatal(err)
	}
	return ""
}
