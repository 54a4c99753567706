package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// rowsFrom are count rows of one number each, that begin with one and ascend.
func rowsFrom(first, count int) string {
	rows := make([]string, count)
	for i := range rows {
		rows[i] = fmt.Sprintf("[%d]", first+i)
	}
	return `{"data":{"ndarray":[` + strings.Join(rows, ",") + `]}}`
}

// finding is an event of one: those of its attributes that say what it is, and
// its body.
type finding struct {
	Type, Call, Node, Request, Kind string
	Body                            map[string]any
}

// findings checks the events of nodes that judge requests.
func findings(t *testing.T, start Start) {
	s := eventSink(t)
	to := "http://" + s.HTTP + "/events"
	guard := Node{Name: "guard", Builtin: "QUANTILE_DETECTOR", Children: []Node{{Name: "a", Builtin: "SIMPLE_MODEL"}}, Parameters: []graph.Parameter{
		{Name: "decide", Value: graph.DecideReject}, {Name: graph.EventsParameter, Value: to},
	}}
	watch := Node{Name: "watch", Builtin: "DRIFT_DETECTOR", Children: []Node{guard}, Parameters: []graph.Parameter{
		{Name: "warmup", Value: "100"}, {Name: "window", Value: "20"}, {Name: "answers", Value: "false"}, {Name: graph.EventsParameter, Value: graph.DefaultEvents},
	}}
	l := launchOf(t, "seldon", watch.build(t, "seldon", components{}), "--logger_workers", "1") // One worker keeps the order.
	l.Env["REQUEST_LOGGER_DEFAULT_ENDPOINT"] = to
	e := start(t, l)
	ask := func(body, puid, skip string, want int) {
		t.Helper()
		r := request(t, http.MethodPost, predictions(e), body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Seldon-Puid", puid)
		r.Header.Set("Seldon-Skip-Logging", skip)
		code := http.StatusOK
		if _, _, err := do(r); err != nil {
			var refused *status
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			code = refused.code
		}
		if code != want {
			t.Fatalf("%s: status %d, want %d", puid, code, want)
		}
	}
	ask(rowsFrom(0, 100), "ordinary", "", http.StatusOK)
	ask(`{"data":{"ndarray":[[50],[5000],[-5000]]}}`, "unlogged", "true", http.StatusBadRequest)
	ask(`{"data":{"ndarray":[[50],[5000],[-5000]]}}`, "strange", "", http.StatusBadRequest)
	ask(rowsFrom(90, 14), "drifting", "", http.StatusOK)
	got := []finding{eventOf(t, s, 0), eventOf(t, s, 1)}
	want := []finding{
		{"io.seldon.serving.inference.outlier", "transform-input", "guard", "strange", "application/json", map[string]any{
			"outlier": true, "decision": "reject", "tag": "outlier", "threshold": 3.0, "rows": 3.0, "count": 2.0,
		}},
		{"io.seldon.serving.inference.drift", "transform-input", "watch", "", "application/json", map[string]any{
			"drift": true, "of": "request", "test": "ks", "alpha": 0.001, "count": 1.0,
		}},
	}
	outliers, _ := got[0].Body["outliers"].([]any)
	score, _ := got[0].Body["score"].(float64)
	if len(outliers) != 2 || score < 90 || score > 110 {
		t.Errorf("the outliers are %v, the score is %v", outliers, score)
	}
	window, _ := got[1].Body["window"].(map[string]any)
	if features, _ := window["features"].([]any); window["rows"] != 20.0 || len(features) != 1 {
		t.Errorf("the window is %v", window)
	}
	for _, name := range []string{"outliers", "score"} {
		delete(got[0].Body, name)
	}
	delete(got[1].Body, "window")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(s.Calls()); n != 2 {
		t.Errorf("%d events came", n)
	}
}

func eventOf(t *testing.T, s *stub.Server, i int) finding {
	t.Helper()
	calls, err := s.Await(soon(t), i+1)
	if err != nil {
		t.Fatalf("%d events came: %v", len(calls), err)
	}
	h := http.Header(calls[i].Header)
	f := finding{Type: h.Get("Ce-Type"), Call: h.Get("Ce-Call"), Node: h.Get("Ce-Modelid"), Request: h.Get("Ce-Requestid"), Kind: h.Get("Content-Type")}
	if err := json.Unmarshal(calls[i].Body, &f.Body); err != nil {
		t.Fatalf("event %d holds %s: %v", i, calls[i].Body, err)
	}
	return f
}
