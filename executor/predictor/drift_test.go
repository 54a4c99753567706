package predictor

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// watchedGraph is a graph of a node that watches for drift over a model.
func watchedGraph(t *testing.T, outside, files string, s sender) (*Predictor, *builtin.Watch) {
	t.Helper()
	o, err := protocol.Lookup(outside)
	if err != nil {
		t.Fatal(err)
	}
	n := graph.Node{Name: "watch", Implementation: "DRIFT_DETECTOR", ModelURI: "there", Children: []graph.Node{arm("a")},
		Parameters: []graph.Parameter{{Name: "window", Value: "20"}}}
	world := builtin.World{Files: files, Watch: &builtin.Watch{}}
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: s, GRPC: s, Nodes: world})
	if err != nil {
		t.Fatal(err)
	}
	return p, world.Watch
}

func page(w *builtin.Watch) string {
	r := httptest.NewRecorder()
	w.ServeHTTP(r, httptest.NewRequest("GET", builtin.DriftPath, nil))
	return r.Body.String()
}

// Requests and answers are counted in each protocol over each transport.
func TestDriftInEveryProtocol(t *testing.T) {
	files := referenceOf(t, "watch")
	for _, p := range protocol.All() {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			t.Run(p.Name+" "+transport.String(), func(t *testing.T) {
				var asked []string
				predictor, watch := watchedGraph(t, p.Name, files, answering(t, p, transport, &asked))
				in, err := written(p.Dialects[transport].Form, `{"data":{"ndarray":[[15,5000],[50,5000],[85,5000]]}}`)
				if err != nil {
					t.Fatal(err)
				}
				for range 7 {
					answer, err := predictor.Predict(t.Context(), transport, in)
					if err != nil || len(answer.Body) == 0 {
						t.Fatalf("answer is %q, %v", answer.Body, err)
					}
				}
				got := page(watch)
				for _, want := range []string{`"windows":1,"drifted":1,"rows":1,`, `"features":[{"feature":"feature 1","drift":true,`, `"answers":{"learnt":7,`} {
					if !strings.Contains(got, want) {
						t.Errorf("the page lacks %s: %s", want, got)
					}
				}
			})
		}
	}
}

// What cannot be compared is refused, and says why; other requests go on, and an
// answer that cannot be is none of the node's business.
func TestDriftRefuses(t *testing.T) {
	p, watch := watchedGraph(t, "seldon", referenceOf(t, "watch"), func(_ *upstream.Target, m message.Message) (message.Message, error) {
		m.Body, m.Answer = []byte(`{"strData":[`), true
		return m, nil
	})
	for body, want := range map[string]string{
		`{"data":{"ndarray":[[1,2,3]]}}`:                         "its rows have 3 features, and those that the node knows have 2",
		`{"data":{"ndarray":[["a",1]]}}`:                         "feature 0 is text, and was a number in the reference",
		`{"data":{"ndarray":[[1,"NaN"]]}}`:                       "row 0, feature 1 is NaN: want a finite number",
		`{"data":{"tensor":{"shape":[1,2],"values":[1,"NaN"]}}}`: "row 0, feature 1 is NaN: want a finite number",
		`{"data":{"ndarray":[]}}`:                                "it has no rows",
		`{"strData":"x"}`:                                        "its rows have 1 features",
		`{"data":{"ndarray":[[1,2],[3,4]`:                        "JSON ends too early",
	} {
		_, err := p.Predict(t.Context(), protocol.REST, request(body))
		if err == nil || protocol.CodeOf(err) != protocol.Invalid || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `node "watch"`) {
			t.Errorf("%s: error is %v, want %s", body, err, want)
		}
	}
	answer, err := p.Predict(t.Context(), protocol.REST, request(`{"data":{"ndarray":[[50,50]]}}`))
	if err != nil || string(answer.Body) != `{"strData":[` {
		t.Errorf("answer is %s, %v", answer.Body, err)
	}
	if got := page(watch); !strings.Contains(got, `"requests":{"reference":"`) || !strings.Contains(got, `"windows":0,"drifted":0,"rows":1}`) {
		t.Errorf("the page says %s", got)
	}
}

// Rows of numbers and words are read as they stand.
func TestDriftOfMixedRows(t *testing.T) {
	files := referenceOf(t, "watch")
	if err := os.WriteFile(filepath.Join(files, "watch", "reference.json"),
		[]byte(`{"format":"radiant-reference","version":1,"rows":100,"features":[{"name":"color","categories":{"red":50,"blue":50}},{"name":"size","categories":{"1":100}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, watch := watchedGraph(t, "seldon", files, func(_ *upstream.Target, m message.Message) (message.Message, error) { return m, nil })
	for range 20 {
		if _, err := p.Predict(t.Context(), protocol.REST, request(`{"data":{"ndarray":[["green","1"]]}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if got := page(watch); !strings.Contains(got, `"features":[{"feature":"color","drift":true,`) {
		t.Errorf("the page says %s", got)
	}
	_, err := p.Predict(t.Context(), protocol.REST, request(`{"data":{"ndarray":[["green",1]]}}`))
	if err == nil || !strings.Contains(err.Error(), "size is a number, and was text in the reference") {
		t.Errorf("error is %v", err)
	}
}
