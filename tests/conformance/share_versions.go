package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// pair is the protocol of clients and that of a model.
type pair struct{ outside, inside string }

// versioned starts a model with versions, each with its own digit, behind an executor.
func versioned(t *testing.T, start Start, p pair, traffic map[string]int32, parameters ...graph.Parameter) (Executor, *stub.Versions) {
	t.Helper()
	cs := components{}
	node := speaking(p.inside, model("m", 0)).build(t, p.outside, cs)
	node.Parameters, node.VersionTraffic = parameters, traffic
	v := &stub.Versions{Protocol: p.inside, Name: "m"}
	v.Set(map[int]stub.Version{3: {Digit: 3}, 7: {Digit: 7}, 10: {Digit: 1}})
	cs["m"].Otherwise(v.Answer)
	return start(t, launchOf(t, p.outside, node)), v
}

func versionLabels() []graph.Parameter {
	return []graph.Parameter{{Name: graph.VersionPolicyParameter, Value: "all", Type: graph.StringParameter},
		{Name: graph.VersionLabelsParameter, Value: "stable=3,canary=7", Type: graph.StringParameter}}
}

// shareVersions checks which version of a model answers.
func shareVersions(t *testing.T, start Start) {
	for _, inside := range []string{"tensorflow", "v2"} {
		t.Run(inside+" by a header", func(t *testing.T) {
			each(t, nil, func(t *testing.T, w wire) { byHeader(t, start, w, inside) })
		})
		t.Run(inside+" one goes", func(t *testing.T) {
			each(t, nil, func(t *testing.T, w wire) { oneGoes(t, start, w, inside) })
		})
		t.Run(inside+" all shares are of one", func(t *testing.T) {
			each(t, nil, func(t *testing.T, w wire) {
				e, _ := versioned(t, start, pair{w.protocol, inside}, map[string]int32{"canary": 100}, versionLabels()...)
				expect(t, w, e, 77)
			})
		})
	}
	t.Run("paths", func(t *testing.T) { byPath(t, start) })
	t.Run("fields", func(t *testing.T) { byField(t, start) })
	t.Run("other names", func(t *testing.T) { otherNames(t, start) })
	t.Run("several nodes", func(t *testing.T) { severalNodes(t, start) })
	t.Run("metrics", func(t *testing.T) { versionsCounted(t, start) })
}

// asked makes a request with the header, and returns what the answer's says.
func asked(t *testing.T, w wire, e Executor, version string) (x float64, told string, err error) {
	t.Helper()
	if !w.grpc {
		path, body := restRequest(w.protocol)
		r := request(t, http.MethodPost, "http://"+e.REST+path, body)
		r.Header.Set("Content-Type", "application/json")
		if version != "" {
			r.Header.Set("Seldon-Model-Version", version)
		}
		answer, header, err := do(r)
		if err != nil {
			return 0, "", err
		}
		x, err = number(answer)
		return x, header.Get("Seldon-Model-Version"), err
	}
	ctx := soon(t)
	if version != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "seldon-model-version", version)
	}
	var header metadata.MD
	x, err = calledRPC(w.protocol, func(method string, in, out proto.Message) error {
		return invoke(ctx, e.at(method), in, out, grpc.Header(&header))
	})
	if values := header["seldon-model-version"]; len(values) > 0 {
		told = values[0]
	}
	return x, told, err
}

// restRequest is a request for the model m with the number 7.
func restRequest(protocol string) (path, body string) {
	switch protocol {
	case "tensorflow":
		return "/v1/models/m:predict", `{"instances":[[7]]}`
	case "v2":
		return "/v2/models/m/infer", `{"inputs":[{"name":"` + stub.Input + `","datatype":"FP64","shape":[1,1],"data":[7]}]}`
	}
	return "/api/v1.0/predictions", `{"data":{"ndarray":[[7]]}}`
}

// calledRPC makes that request by a call of gRPC.
func calledRPC(protocol string, call func(method string, in, out proto.Message) error) (float64, error) {
	switch protocol {
	case "tensorflow":
		var out tensorflow.PredictResponse
		if err := call(tensorflow.PredictionService_Predict_FullMethodName, tensorflowRequest(7), &out); err != nil {
			return 0, err
		}
		return only(stub.TensorNumbers(out.Outputs[stub.Output]))
	case "v2":
		var out inference.ModelInferResponse
		if err := call(inference.GRPCInferenceService_ModelInfer_FullMethodName, v2Request(7), &out); err != nil {
			return 0, err
		}
		return only(stub.V2Numbers(out.Outputs[0].Datatype, out.Outputs[0].Contents, out.RawOutputContents))
	}
	var out seldon.SeldonMessage
	if err := call(seldon.Seldon_Predict_FullMethodName, seldonRequest(7), &out); err != nil {
		return 0, err
	}
	return only(stub.SeldonNumbers(&out))
}

func byHeader(t *testing.T, start Start, w wire, inside string) {
	e, _ := versioned(t, start, pair{w.protocol, inside}, nil, versionLabels()...)
	for _, c := range []struct {
		asked string
		want  float64
		told  string
	}{{"3", 73, "m=3"}, {"7", 77, "m=7"}, {"10", 71, "m=10"}, {"stable", 73, "m=3"}, {"m=canary", 77, "m=7"}, {`other=3, m="10"`, 71, "m=10"}} {
		if x, told, err := asked(t, w, e, c.asked); err != nil || x != c.want || told != c.told {
			t.Errorf("version %s answers %v, says %q, %v; want %v", c.asked, x, told, err, c.want)
		}
	}
	if x, _, err := asked(t, w, e, ""); err != nil || x != 71 {
		t.Errorf("without a version the answer is %v, %v; want that of the highest", x, err)
	}
	_, _, err := asked(t, w, e, "8")
	failed(t, w, err, failure{http.StatusNotFound, codes.NotFound, "the model m has no version 8; available: 3, 7, 10"})
	if inside == "tensorflow" {
		_, _, err = asked(t, w, e, "latest")
		failed(t, w, err, failure{http.StatusNotFound, codes.NotFound, `no version with the label "latest"; it has canary (version 7), stable (version 3)`})
	}
}

// oneGoes lets a version go and come back.
func oneGoes(t *testing.T, start Start, w wire, inside string) {
	e, v := versioned(t, start, pair{w.protocol, inside}, map[string]int32{"3": 50, "7": 50})
	all := func() map[float64]bool {
		seen := map[float64]bool{}
		for range 40 {
			x, told, err := asked(t, w, e, "")
			if err != nil {
				t.Fatal(err)
			}
			seen[x] = true
			// Where no version with a share is there, the server chooses.
			if told != "" && told != fmt.Sprintf("m=%d", map[float64]int{73: 3, 77: 7, 71: 10}[x]) {
				t.Errorf("%v is said to be of %q", x, told)
			}
		}
		return seen
	}
	if seen := all(); !seen[73] || !seen[77] || len(seen) != 2 {
		t.Errorf("with both the answers are %v", seen)
	}
	v.Set(map[int]stub.Version{3: {Digit: 3}, 10: {Digit: 1}})
	if seen := all(); !seen[73] || len(seen) != 1 {
		t.Errorf("without version 7 the answers are %v", seen)
	}
	v.Set(map[int]stub.Version{10: {Digit: 1}})
	if seen := all(); !seen[71] || len(seen) != 1 {
		t.Errorf("without both the answers are %v", seen)
	}
	v.Set(map[int]stub.Version{3: {Digit: 3}, 7: {Digit: 7}})
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if seen := all(); seen[73] && seen[77] {
			break
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatal("a version that is back gets no requests")
		}
	}
}

func byPath(t *testing.T, start Start) {
	for _, c := range []struct{ outside, path, body, told, has string }{
		{"tensorflow", "/v1/models/m/versions/7:predict", `{"instances":[[7]]}`, "m=7", "77"},
		{"tensorflow", "/v1/models/m/labels/stable:predict", `{"instances":[[7]]}`, "m=3", "73"},
		{"v2", "/v2/models/m/versions/7/infer", `{"inputs":[{"name":"features","datatype":"FP64","shape":[1,1],"data":[7]}]}`, "m=7", `"model_version":"7"`},
		{"v2", "/v2/models/m/versions/stable/infer", `{"inputs":[{"name":"features","datatype":"FP64","shape":[1,1],"data":[7]}]}`, "m=3", `"model_version":"3"`},
	} {
		for _, inside := range []string{"tensorflow", "v2"} {
			e, _ := versioned(t, start, pair{c.outside, inside}, map[string]int32{"10": 100}, versionLabels()...)
			body, header, err := post(soon(t), "http://"+e.REST+c.path, "application/json", []byte(c.body))
			if err != nil || header.Get("Seldon-Model-Version") != c.told || !strings.Contains(string(body), c.has) {
				t.Errorf("%s at a server of %s: %s of %q, %v", c.path, inside, body, header.Get("Seldon-Model-Version"), err)
			}
		}
	}
	e, _ := versioned(t, start, pair{"tensorflow", "tensorflow"}, nil, versionLabels()...)
	for _, path := range []string{"/v1/models/m/versions/8", "/v1/models/m/versions/8/metadata", "/v1/models/m/labels/new/metadata"} {
		_, _, err := get(soon(t), "http://"+e.REST+path)
		failed(t, wire{}, err, failure{http.StatusNotFound, codes.OK, "the model m has no version"})
	}
	s, _ := versioned(t, start, pair{"seldon", "tensorflow"}, nil, versionLabels()...)
	body, _, err := get(soon(t), "http://"+s.REST+"/api/v1.0/metadata/m")
	var told struct{ Versions []string }
	if err != nil || json.Unmarshal(body, &told) != nil || strings.Join(told.Versions, " ") != "3 7 10" {
		t.Errorf("metadata is %s, %v", body, err)
	}
}

// byField names versions in messages of gRPC.
func byField(t *testing.T, start Start) {
	for _, inside := range []string{"tensorflow", "v2"} {
		e, _ := versioned(t, start, pair{"tensorflow", inside}, map[string]int32{"10": 100}, versionLabels()...)
		for _, spec := range []*tensorflow.ModelSpec{
			{Name: "m", VersionChoice: &tensorflow.ModelSpec_Version{Version: wrapperspb.Int64(7)}},
			{Name: "m", VersionChoice: &tensorflow.ModelSpec_VersionLabel{VersionLabel: "canary"}},
		} {
			in := tensorflowRequest(7)
			in.ModelSpec = spec
			var out tensorflow.PredictResponse
			err := invoke(soon(t), e.at(tensorflow.PredictionService_Predict_FullMethodName), in, &out)
			if err != nil || out.GetModelSpec().GetVersion().GetValue() != 7 || !slices.Equal(stub.TensorNumbers(out.Outputs[stub.Output]), []float64{77}) {
				t.Errorf("%v at a server of %s is answered %v, %v", spec, inside, &out, err)
			}
		}
		e, _ = versioned(t, start, pair{"v2", inside}, map[string]int32{"10": 100}, versionLabels()...)
		for _, version := range []string{"7", "canary"} {
			in := v2Request(7)
			in.ModelName, in.ModelVersion = "m", version
			var out inference.ModelInferResponse
			err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), in, &out)
			if err != nil || out.ModelVersion != "7" {
				t.Errorf("%s at a server of %s is answered %v, %v", version, inside, &out, err)
			}
		}
	}
}

// otherNames has versions with other names of their tensors.
func otherNames(t *testing.T, start Start) {
	for _, inside := range []string{"tensorflow", "v2"} {
		each(t, onlySeldon(), func(t *testing.T, w wire) {
			e, v := versioned(t, start, pair{w.protocol, inside}, map[string]int32{"3": 50, "7": 50})
			v.Set(map[int]stub.Version{3: {Digit: 3}, 7: {Digit: 7, Input: newInput, Output: newOutput}})
			seen := map[float64]int{}
			for range 60 {
				x, _, err := asked(t, w, e, "")
				if err != nil {
					t.Fatal(err)
				}
				seen[x]++
			}
			if seen[73] == 0 || seen[77] == 0 || len(seen) != 2 {
				t.Errorf("answers are %v", seen)
			}
		})
	}
}

// severalNodes splits at one node of a graph, and asks for another's version.
func severalNodes(t *testing.T, start Start) {
	cs := components{}
	g := speaking("tensorflow", model("a", 0, speaking("v2", model("b", 0)))).build(t, "seldon", cs)
	g.VersionTraffic = map[string]int32{"3": 100}
	for name, inside := range map[string]string{"a": "tensorflow", "b": "v2"} {
		v := &stub.Versions{Protocol: inside, Name: name}
		v.Set(map[int]stub.Version{3: {Digit: 3}, 7: {Digit: 7}})
		cs[name].Otherwise(v.Answer)
	}
	e := start(t, launchOf(t, "seldon", g))
	for _, w := range []wire{wires()[0], wires()[3]} {
		if x, told, err := asked(t, w, e, "b=3"); err != nil || x != 733 || told != "a=3, b=3" {
			t.Errorf("%s answers %v of %q, %v", w, x, told, err)
		}
		if x, told, err := asked(t, w, e, "7"); err != nil || x != 777 || told != "a=7, b=7" {
			t.Errorf("%s answers %v of %q, %v", w, x, told, err)
		}
	}
}

func versionsCounted(t *testing.T, start Start) {
	e, _ := versioned(t, start, pair{"seldon", "tensorflow"}, nil)
	for _, version := range []string{"3", "3", "7"} {
		if _, _, err := asked(t, wires()[0], e, version); err != nil {
			t.Fatal(err)
		}
	}
	_, _, _ = asked(t, wires()[0], e, "8")
	body, _, err := get(soon(t), "http://"+e.REST+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`version="3"} 2`, `version="7"} 1`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("metrics do not have %s", want)
		}
	}
	if strings.Contains(string(body), `version="8"`) {
		t.Error("a version that is not there has a series")
	}
}
