package program

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/admission"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
)

// Calls on nodes in other pods are counted, and no others; an observer that is
// there sees all of them.
func TestCallsOnOtherPodsAreCounted(t *testing.T) {
	at := func(name, host string, children ...graph.Node) graph.Node {
		return graph.Node{Name: name, Endpoint: &graph.Endpoint{ServiceHost: host, HTTPPort: 9000}, Children: children}
	}
	root := at("front", "localhost", at("far", "d-p-far.n"), at("beside", "127.0.0.1"), graph.Node{Name: "builtin"})
	nodes := elsewhere(&root)
	if len(nodes) != 1 || !nodes["far"] {
		t.Fatalf("in other pods are %v", nodes)
	}
	calls := admission.NewCalls(time.Now)
	seen := 0
	for _, observe := range []func(predictor.CallLabels) predictor.Observer{nil, func(predictor.CallLabels) predictor.Observer { seen++; return unobserved{} }} {
		watch := counted(observe, calls, nodes)
		for _, name := range []string{"front", "far", "beside"} {
			o := watch(predictor.CallLabels{Node: name, Call: "predict", Method: http.MethodPost})
			ctx, m := o.Begin(t.Context(), message.Message{})
			o.End(ctx, time.Now(), m, m, errors.New("whatever came of it"))
		}
	}
	loads := calls.Loads(time.Now())
	if l := loads["far"]; len(loads) != 1 || l.Requests != 2 || l.InFlight != 0 || seen != 3 {
		t.Errorf("loads are %+v, and %d observers were made", loads, seen)
	}
}

// Without settings nothing is told of the load; with them, the sums grow.
func TestScalingIsToldWhereItIsWanted(t *testing.T) {
	port := componentPort(t)
	ask := func(address string) (status int, r scaling.Report) {
		answer, err := http.Get("http://" + address + scaling.PathReport)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode == http.StatusOK {
			err = json.Unmarshal(text, &r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, r
	}
	if status, _ := ask(run(t, port)); status != http.StatusNotFound {
		t.Errorf("%s is there without --scaling: %d", scaling.PathReport, status)
	}
	t.Run("with it", func(t *testing.T) {
		address := run(t, port, "--scaling", "--container_concurrency", "1")
		w := connect(t, address)
		for range 3 {
			w.send(t)
		}
		_, r := ask(address)
		if l := r.Predictor; l.Requests != 3 || l.InFlight != 0 || l.BusySeconds <= 0 || r.Seconds < l.BusySeconds {
			t.Errorf("three requests, one after the other, are %+v", r)
		}
	})
}
