package conformance

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// under gives a node of a graph under test a policy.
func under(p graph.Policy, n Node) Node {
	n.Policy = &p
	return n
}

// policies checks what is asked of nodes that fail, hang or are overrun.
func policies(t *testing.T, start Start) {
	t.Run("retries", func(t *testing.T) { retries(t, start) })
	t.Run("fallback", func(t *testing.T) { fallbacks(t, start) })
	t.Run("hedge", func(t *testing.T) { hedges(t, start) })
	t.Run("concurrency", func(t *testing.T) { concurrency(t, start) })
	t.Run("requests in flight", func(t *testing.T) { crowdedPredictor(t, start) })
	t.Run("containerConcurrency", func(t *testing.T) { crowdedContainer(t, start) })
	t.Run("deadlines", func(t *testing.T) { deadlines(t, start) })
	t.Run("timeout", func(t *testing.T) { policyTimeout(t, start) })
	t.Run("quorum", func(t *testing.T) { quorum(t, start) })
}

// failing makes a component fail its first calls, and then do what it did.
func failing(s *stub.Server, m stub.Model, calls int32, a stub.Answer) {
	var n atomic.Int32
	m.Serve(s)
	s.Before(func(stub.Call) (stub.Answer, bool) { return a, n.Add(1) <= calls })
}

func retries(t *testing.T, start Start) {
	policy := graph.Policy{Retries: &graph.Retries{Attempts: 2}}
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, under(policy, model("a", 1)))
		a := stub.Model{Protocol: w.protocol, Name: "a", Digit: 1}
		for calls, want := range map[int32]bool{0: true, 1: true, 2: true, 3: false} {
			failing(cs["a"], a, calls, stub.Answer{Status: http.StatusServiceUnavailable, Code: codes.Unavailable, Message: "loading"})
			cs.reset()
			x, err := w.predict(soon(t), e, 7)
			if (err == nil) != want || want && x != 71 {
				t.Errorf("after %d failures: %v, %v", calls, x, err)
			}
			if n := len(cs["a"].Calls()); n != int(min(calls+1, 3)) {
				t.Errorf("after %d failures the node was asked %d times", calls, n)
			}
		}
		failing(cs["a"], a, 1, stub.Answer{Status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: "bad"})
		cs.reset()
		if _, err := w.predict(soon(t), e, 7); err == nil || len(cs["a"].Calls()) != 1 {
			t.Errorf("a refusal was repeated: %v, %v", err, cs.counts())
		}
	})
	t.Run("not of feedback", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", under(policy, model("a", 1)))
		cs["a"].On("/send-feedback", stub.Answer{Status: http.StatusServiceUnavailable})
		if _, _, err := post(soon(t), "http://"+e.REST+"/api/v1.0/feedback", "application/json", []byte(`{}`)); err == nil || len(cs["a"].Calls()) != 1 {
			t.Errorf("feedback: %v, %v", err, cs.counts())
		}
	})
	t.Run("within the budget", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", under(graph.Policy{Retries: &graph.Retries{Attempts: 5, BudgetPercent: 1}}, model("a", 1)))
		cs["a"].On("/predict", stub.Answer{Status: http.StatusServiceUnavailable})
		const calls = 60
		for range calls {
			_, _, _ = post(soon(t), predictions(e), "application/json", []byte(`{}`))
		}
		if n := len(cs["a"].Calls()); n < calls+5 || n > calls+11 {
			t.Errorf("%d calls made %d attempts; ten retries were free", calls, n)
		}
	})
}

func fallbacks(t *testing.T, start Start) {
	constants := map[string]string{
		"seldon":     `{"data":{"ndarray":[[5]]}}`,
		"tensorflow": `{"predictions":[[5]]}`,
		"v2":         `{"model_name":"none","outputs":[{"name":"o","datatype":"FP64","shape":[1,1],"data":[5]}]}`,
	}
	each(t, nil, func(t *testing.T, w wire) {
		constant := under(graph.Policy{Fallback: &graph.Fallback{Response: constants[w.protocol]}}, model("a", 1))
		other := under(graph.Policy{Fallback: &graph.Fallback{Node: "b"}}, model("a", 1))
		for name, c := range map[string]struct {
			graph Node
			want  float64
		}{
			"constant":          {constant, 5},
			"constant, chained": {under(*constant.Policy, model("a", 1, model("c", 3))), 53},
			"node":              {builtin("SIMPLE_ROUTER", "s", other, model("b", 2)), 72},
			"node of a node":    {builtin("SIMPLE_ROUTER", "s", other, under(*constant.Policy, model("b", 2))), 5},
		} {
			e, cs := launch(t, start, w.protocol, c.graph)
			expectFirst := 71.0
			if name == "constant, chained" {
				expectFirst = 713
			}
			expect(t, w, e, expectFirst)
			cs["a"].Close()
			if name == "node of a node" {
				cs["b"].Close()
			}
			x, err := w.predict(soon(t), e, 7)
			if err != nil || x != c.want {
				t.Errorf("%s: 7 became %v, %v, want %v", name, x, err, c.want)
			}
		}
		e, cs := launch(t, start, w.protocol, constant)
		cs["a"].Before(func(stub.Call) (stub.Answer, bool) {
			return stub.Answer{Status: http.StatusBadRequest, Code: codes.InvalidArgument, Message: "bad"}, true
		})
		if x, err := w.predict(soon(t), e, 7); err == nil {
			t.Errorf("what the client did wrong was answered by %v", x)
		}
	})
	t.Run("router", func(t *testing.T) {
		route := int32(1)
		e, cs := launch(t, start, "seldon", under(graph.Policy{Fallback: &graph.Fallback{Route: &route}}, router("r", 0, model("a", 1), model("b", 2))))
		for _, w := range wires() {
			if w.protocol == "seldon" {
				expect(t, w, e, 71)
			}
		}
		cs["r"].Close()
		for _, w := range wires() {
			if w.protocol == "seldon" {
				expect(t, w, e, 72)
			}
		}
	})
}

// hedges hangs single calls of a node that usually answers at once.
func hedges(t *testing.T, start Start) {
	for _, w := range wires() {
		if w.protocol != "seldon" {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			e, cs := launch(t, start, "seldon", under(graph.Policy{Hedge: &graph.Hedge{MaxPercent: 10}}, model("a", 1)))
			for range 80 {
				if x, err := w.predict(soon(t), e, 7); err != nil || x != 71 {
					t.Fatalf("7 became %v, %v", x, err)
				}
			}
			var hung atomic.Pointer[stub.Call]
			cs["a"].Before(func(c stub.Call) (stub.Answer, bool) {
				return stub.Answer{Hang: true}, hung.CompareAndSwap(nil, &c)
			})
			if x, err := w.predict(soon(t), e, 7); err != nil || x != 71 {
				t.Errorf("7 became %v, %v while the first attempt hung", x, err)
			}
			select {
			case <-hung.Load().Gone:
			case <-soon(t).Done():
				t.Error("the first attempt was not cancelled")
			}
		})
	}
}

// rejection is how a request is turned away that may be sent again later.
type rejection struct {
	status int
	code   codes.Code
}

// busyFailure checks a rejection and what it says of trying again.
func busyFailure(t *testing.T, w wire, e Executor, want rejection) {
	t.Helper()
	if !w.grpc {
		answer, err := http.Post(predictions(e), "application/json", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want.status || answer.Header.Get("Retry-After") != "1" {
			t.Errorf("answer is %s, Retry-After %q", answer.Status, answer.Header.Get("Retry-After"))
		}
		return
	}
	_, err := w.predict(soon(t), e, 7)
	s := grpcstatus.Convert(err)
	told := false
	for _, d := range s.Details() {
		info, ok := d.(*errdetails.RetryInfo)
		told = told || ok && info.GetRetryDelay().AsDuration() == time.Second
	}
	if s.Code() != want.code || !told {
		t.Errorf("error is %v with %v", err, s.Details())
	}
}

func concurrency(t *testing.T, start Start) {
	p := graph.Policy{Concurrency: &graph.Concurrency{Limit: 2, Queue: 1}}
	crowded(t, start, under(p, model("a", 1)), rejection{http.StatusTooManyRequests, codes.ResourceExhausted})
}

func crowdedPredictor(t *testing.T, start Start) {
	crowded(t, start, model("a", 1), rejection{http.StatusTooManyRequests, codes.ResourceExhausted}, "--max_inflight", "2", "--max_waiting", "1")
}

// crowdedContainer tells clients, and what stands between, that another pod may well
// answer.
func crowdedContainer(t *testing.T, start Start) {
	crowded(t, start, model("a", 1), rejection{http.StatusServiceUnavailable, codes.Unavailable}, "--container_concurrency", "2", "--concurrency_queue", "1", "--concurrency_wait", "0s")
}

// crowded fills two places and a queue of one, and asks once more.
func crowded(t *testing.T, start Start, n Node, want rejection, args ...string) {
	for _, w := range wires() {
		if w.protocol != "seldon" {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			e, cs := launch(t, start, "seldon", n, args...)
			release := make(chan struct{})
			cs["a"].Before(func(stub.Call) (stub.Answer, bool) { <-release; return stub.Answer{}, false })
			ctx := soon(t)
			var o outcome
			for range 2 {
				o.send(func() error { _, err := w.predict(ctx, e, 7); return err })
			}
			if _, err := cs["a"].Await(ctx, 2); err != nil {
				t.Fatal(err)
			}
			// Of two more, one waits and one is turned away, whichever comes first.
			results := make(chan error, 2)
			for range 2 {
				go func() { _, err := w.predict(ctx, e, 7); results <- err }()
			}
			if err := <-results; err == nil {
				t.Error("a call beyond the queue was answered before there was a place")
			}
			busyFailure(t, w, e, want)
			close(release)
			if err := <-results; err != nil {
				t.Errorf("the call in the queue: %v", err)
			}
			o.wait.Wait()
			if len(o.errs) > 0 {
				t.Error(o.errs[0])
			}
			if n := len(cs["a"].Calls()); n != 3 {
				t.Errorf("the node was asked %d times", n)
			}
		})
	}
}

// deadlines checks that what a client allows shrinks on the way, and that no
// call is begun after it.
func deadlines(t *testing.T, start Start) {
	const pause = 30 * time.Millisecond
	e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)))
	for _, name := range []string{"a", "b"} {
		cs[name].Before(func(stub.Call) (stub.Answer, bool) { time.Sleep(pause); return stub.Answer{}, false })
	}
	t.Run("REST", func(t *testing.T) {
		for _, header := range []string{"X-Request-Timeout-Ms", "X-Envoy-Expected-Rq-Timeout-Ms"} {
			cs.reset()
			r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
			r.Header.Set(header, "20000")
			if _, _, err := do(r); err != nil {
				t.Fatal(err)
			}
			left := map[string]int{}
			for _, name := range []string{"a", "b"} {
				left[name], _ = strconv.Atoi(http.Header(cs[name].Calls()[0].Header).Get(header))
			}
			if left["a"] > 20000 || left["a"] < 1 || left["b"] > left["a"]-int(pause.Milliseconds()) || left["b"] < 1 {
				t.Errorf("%s: the nodes were told %v", header, left)
			}
		}
	})
	t.Run("gRPC", func(t *testing.T) {
		cs.reset()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if _, err := seldonRPC(ctx, e, 7); err != nil {
			t.Fatal(err)
		}
		a, b := cs["a"].Calls()[0].Deadline, cs["b"].Calls()[0].Deadline
		if a <= 0 || a > 20*time.Second || b > a-pause || b <= 0 {
			t.Errorf("the nodes had %v and %v", a, b)
		}
	})
	t.Run("that have passed", func(t *testing.T) {
		cs.reset()
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
		r.Header.Set("X-Request-Timeout-Ms", "10")
		_, _, err := do(r)
		failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, "context deadline exceeded"})
		if n := cs.counts(); n["b"] != 0 {
			t.Errorf("nodes were asked %v", n)
		}
	})
	t.Run("that are none", func(t *testing.T) {
		r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[7]}}`)
		r.Header.Set("X-Request-Timeout-Ms", "soon")
		_, _, err := do(r)
		failed(t, wire{}, err, failure{http.StatusBadRequest, codes.OK, `header X-Request-Timeout-Ms is "soon"`})
	})
}

// policyTimeout bounds one node below the annotations' bound of all.
func policyTimeout(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", under(graph.Policy{Timeout: "50ms"}, model("a", 1)).build(t, "seldon", cs))
	if err := os.WriteFile(filepath.Join(l.Env["RADIANT_PODINFO"], "annotations"), []byte("seldon.io/rest-timeout=\"30000\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, l)
	cs["a"].Before(func(stub.Call) (stub.Answer, bool) { return stub.Answer{Hang: true}, true })
	_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "a": predict: `})
	_, err = seldonRPC(soon(t), e, 7)
	failed(t, wire{grpc: true}, err, failure{0, codes.DeadlineExceeded, ""})
}

// quorum checks a combiner that answers as soon as enough of its children have.
func quorum(t *testing.T, start Start) {
	first := Node{Name: "first", Builtin: "FIRST_COMBINER", Children: []Node{model("a", 1), model("b", 2)}}
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, first)
		var hung atomic.Pointer[stub.Call]
		cs["a"].Before(func(c stub.Call) (stub.Answer, bool) {
			hung.Store(&c)
			return stub.Answer{Hang: true}, true
		})
		if x, err := w.predict(soon(t), e, 7); err != nil || x != 72 {
			t.Errorf("7 became %v, %v while the first child hung", x, err)
		}
		if c := hung.Load(); c != nil {
			select {
			case <-c.Gone:
			case <-soon(t).Done():
				t.Error("the first child was not told that nobody waits")
			}
		}
	})
	late := first
	late.Parameters = []graph.Parameter{{Name: "deadline", Type: graph.StringParameter, Value: "50ms"}}
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, late)
		for _, name := range []string{"a", "b"} {
			cs[name].Before(func(stub.Call) (stub.Answer, bool) { return stub.Answer{Hang: true}, true })
		}
		_, err := w.predict(soon(t), e, 7)
		failed(t, w, err, failure{http.StatusInternalServerError, codes.DeadlineExceeded, `node "first": 0 of 1 answers came within 50ms`})
	})
}
