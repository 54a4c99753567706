package predictor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// referenceOf writes the reference of rows 0 to 100 of two features for a node.
func referenceOf(t *testing.T, node string) (folder string) {
	t.Helper()
	var columns [2]reference.Column
	for i := range 101 {
		columns[0].Numbers = append(columns[0].Numbers, float64(i))
		columns[1].Numbers = append(columns[1].Numbers, float64(i*37%101))
	}
	r, err := reference.Build(columns[:], reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, node), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, node, reference.Name), body, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// scores are a model's answer in each protocol.
func scoresIn(protocol string) string {
	return map[string]string{
		"seldon":     `{"data":{"ndarray":[[0.5,0.5]]}}`,
		"tensorflow": `{"predictions":[[0.5,0.5]]}`,
		"v2":         `{"model_name":"m","outputs":[{"name":"y","datatype":"FP64","shape":[1,2],"data":[0.5,0.5]}]}`,
	}[protocol]
}

// tagsOf are what an answer says beside its data.
func tagsOf(t *testing.T, form translate.Form, body []byte) map[string]any {
	t.Helper()
	var m struct {
		Meta       struct{ Tags map[string]any }
		Parameters map[string]any
	}
	read := body
	switch form {
	case translate.SeldonProto:
		var answer seldon.SeldonMessage
		if err := proto.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		read, _ = protojson.Marshal(&answer)
	case translate.V2Proto:
		var answer inference.ModelInferResponse
		if err := proto.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		m.Parameters = map[string]any{}
		for name, p := range answer.GetParameters() {
			switch p.GetParameterChoice().(type) {
			case *inference.InferParameter_BoolParam:
				m.Parameters[name] = p.GetBoolParam()
			case *inference.InferParameter_DoubleParam:
				m.Parameters[name] = p.GetDoubleParam()
			default:
				m.Parameters[name] = p.GetStringParam()
			}
		}
		return m.Parameters
	case translate.TensorFlowProto:
		return nil
	}
	if err := json.Unmarshal(read, &m); err != nil {
		t.Fatalf("%s: %v", read, err)
	}
	if m.Parameters != nil {
		return m.Parameters
	}
	return m.Meta.Tags
}

// guarded is a graph of a detector over a model and a fallback.
func guarded(t *testing.T, outside, implementation string, s sender, parameters ...graph.Parameter) *Predictor {
	t.Helper()
	o, err := protocol.Lookup(outside)
	if err != nil {
		t.Fatal(err)
	}
	n := graph.Node{Name: "guard", Implementation: implementation, Children: []graph.Node{arm("a")},
		Parameters: parameters}
	if n.Setting("decide") == graph.DecideRoute {
		n.Children = append(n.Children, arm("fallback"))
	}
	world := builtin.World{}
	if implementation != "SCORE_DETECTOR" {
		n.ModelURI, world.Files = "there", referenceOf(t, "guard")
	}
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: s, GRPC: s, Nodes: world})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answering is a sender that keeps who was asked and answers scores.
func answering(t *testing.T, p *protocol.Protocol, transport protocol.Transport, asked *[]string) sender {
	form := p.Dialects[transport].Form
	body := []byte(scoresIn(p.Name))
	if transport == protocol.GRPC {
		var err error
		if body, err = translate.Answer(p.Dialects[protocol.REST].Form, form, body); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	return func(to *upstream.Target, m message.Message) (message.Message, error) {
		mu.Lock()
		defer mu.Unlock()
		*asked = append(*asked, to.Host)
		m.Body, m.Answer, m.Type = body, true, ""
		if transport == protocol.REST {
			m.Type = jsonType
		}
		return m, nil
	}
}

// Each detector tags, rejects and routes in each protocol over each transport.
func TestDetectorsInEveryProtocol(t *testing.T) {
	ordinary, strange := `{"data":{"ndarray":[[50,50],[40,60]]}}`, `{"data":{"ndarray":[[50,50],[5000,50]]}}`
	for _, p := range protocol.All() {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			for _, implementation := range []string{"MAHALANOBIS_DETECTOR", "QUANTILE_DETECTOR"} {
				t.Run(p.Name+" "+transport.String()+" "+implementation, func(t *testing.T) {
					form := p.Dialects[transport].Form
					var asked []string
					send := answering(t, p, transport, &asked)
					ask := func(decide, body string) (message.Message, error) {
						t.Helper()
						in, err := written(form, body)
						if err != nil {
							t.Fatal(err)
						}
						asked = nil
						return guarded(t, p.Name, implementation, send, graph.Parameter{Name: "decide", Value: decide}).Predict(t.Context(), transport, in)
					}
					for _, decide := range []string{graph.DecideTag, graph.DecideRoute} {
						for body, is := range map[string]bool{ordinary: false, strange: true} {
							answer, err := ask(decide, body)
							if err != nil {
								t.Fatal(err)
							}
							want := "a:1"
							if is && decide == graph.DecideRoute {
								want = "fallback:1"
							}
							if got := strings.Join(asked, " "); got != want {
								t.Errorf("%s %s: asked were %s", decide, body, got)
							}
							tags := tagsOf(t, form, answer.Body)
							if p.Name == "tensorflow" {
								continue
							}
							score, _ := tags["outlier_score"].(float64)
							if tags["outlier"] != is || score > 20 != is || (tags["outlier_rows"] != nil) != is {
								t.Errorf("%s %s: the answer is tagged %v", decide, body, tags)
							}
							o, err := translate.Open(form, answer)
							if err != nil {
								t.Fatal(err)
							}
							if values, err := o.Tensors[0].Float64s(); err != nil || !cmp.Equal(values, []float64{0.5, 0.5}) {
								t.Errorf("the answer holds %v, %v", values, err)
							}
						}
					}
					_, err := ask(graph.DecideReject, strange)
					if err == nil || protocol.CodeOf(err) != protocol.Invalid || len(asked) > 0 ||
						!strings.Contains(err.Error(), `node "guard": transform-input: row 1 is an outlier (1 of 2 rows; the highest outlier_score is `) {
						t.Errorf("asked were %v, the error is %v", asked, err)
					}
				})
			}
		}
	}
}

func TestScoreDetectorInEveryProtocol(t *testing.T) {
	for _, p := range protocol.All() {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			t.Run(p.Name+" "+transport.String(), func(t *testing.T) {
				form := p.Dialects[transport].Form
				var asked []string
				in, err := written(form, `{"data":{"ndarray":[[1,2]]}}`)
				if err != nil {
					t.Fatal(err)
				}
				ask := func(decide, threshold string) (message.Message, error) {
					return guarded(t, p.Name, "SCORE_DETECTOR", answering(t, p, transport, &asked),
						graph.Parameter{Name: "decide", Value: decide}, graph.Parameter{Name: "threshold", Value: threshold}).Predict(t.Context(), transport, in)
				}
				for threshold, is := range map[string]bool{"0.6": false, "0.4": true} {
					answer, err := ask(graph.DecideTag, threshold)
					if err != nil {
						t.Fatal(err)
					}
					if tags := tagsOf(t, form, answer.Body); p.Name != "tensorflow" && (tags["outlier"] != is || tags["outlier_score"] != 0.5) {
						t.Errorf("above %s: the answer is tagged %v", threshold, tags)
					}
				}
				// The fallback is asked at the same time, and answers for outliers alone.
				asked = nil
				if answer, err := ask(graph.DecideRoute, "0.4"); err != nil || len(asked) != 2 || p.Name != "tensorflow" && tagsOf(t, form, answer.Body)["outlier"] != true {
					t.Errorf("asked were %v, %v", asked, err)
				}
				if _, err := ask(graph.DecideReject, "0.4"); protocol.CodeOf(err) != protocol.Invalid {
					t.Errorf("error is %v", err)
				}
			})
		}
	}
}

// What cannot be judged is refused, and says why; other requests go on.
func TestDetectorRefuses(t *testing.T) {
	p := guarded(t, "seldon", "MAHALANOBIS_DETECTOR", func(_ *upstream.Target, m message.Message) (message.Message, error) { return m, nil })
	for body, want := range map[string]string{
		`{"data":{"ndarray":[[1,2,3]]}}`:                         "its rows have 3 features, and those that the node knows have 2",
		`{"data":{"ndarray":[["a","b"]]}}`:                       "BYTES are not numbers",
		`{"data":{"ndarray":[[1,"NaN"]]}}`:                       "row 0, feature 1 is NaN: want a finite number",
		`{"data":{"ndarray":[]}}`:                                "it has no rows",
		`{"strData":"x"}`:                                        "BYTES are not numbers",
		`{"data":{"ndarray":[[1,2],[3,4]`:                        "JSON ends too early",
		`{"data":{"tensor":{"shape":[1,2],"values":[1,1e400]}}}`: "is out of range",
	} {
		_, err := p.Predict(t.Context(), protocol.REST, request(body))
		if err == nil || protocol.CodeOf(err) != protocol.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `node "guard"`) {
			t.Errorf("%s: error is %v, want %s", body, err, want)
		}
	}
	if _, err := p.Predict(context.Background(), protocol.REST, request(`{"data":{"ndarray":[[50,50]]}}`)); err != nil {
		t.Error(err)
	}
}
