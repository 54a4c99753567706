package conformance

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// sharing checks what one call on a node does for several requests.
func sharing(t *testing.T, start Start) {
	t.Run("batch", func(t *testing.T) { batches(t, start) })
	t.Run("batch: one is refused", func(t *testing.T) { batchRefused(t, start) })
	t.Run("batch: deadlines", func(t *testing.T) { batchDeadlines(t, start) })
	t.Run("batch: alone", func(t *testing.T) { batchAlone(t, start) })
	t.Run("batch: headers", func(t *testing.T) { batchHeaders(t, start) })
	t.Run("cache", func(t *testing.T) { caches(t, start) })
	t.Run("cache: not kept", func(t *testing.T) { uncached(t, start) })
	t.Run("cache: ids", func(t *testing.T) { cachedIDs(t, start) })
}

// slowly makes a component take one call at a time, each as long.
func slowly(s *stub.Server, each time.Duration) {
	var one sync.Mutex
	s.Before(func(c stub.Call) (stub.Answer, bool) {
		if asksForMetadata(c) {
			return stub.Answer{}, false
		}
		one.Lock()
		defer one.Unlock()
		time.Sleep(each)
		return stub.Answer{}, false
	})
}

func asksForMetadata(c stub.Call) bool {
	return c.Method == http.MethodGet || strings.Contains(strings.ToLower(c.Path), "metadata")
}

// predicted counts the calls of a component that are no questions.
func predicted(s *stub.Server) int {
	n := 0
	for _, c := range s.Calls() {
		if !asksForMetadata(c) {
			n++
		}
	}
	return n
}

// all sends one request each of so many clients at once, and tells how long it took.
func all(t *testing.T, clients int, send func(client int) error) time.Duration {
	t.Helper()
	var wait sync.WaitGroup
	begin := make(chan struct{})
	errs := make([]error, clients)
	for i := range clients {
		wait.Go(func() {
			<-begin
			errs[i] = send(i)
		})
	}
	began := time.Now()
	close(begin)
	wait.Wait()
	took := time.Since(began)
	for i, err := range errs {
		if err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	return took
}

// batches holds that 64 clients of a model which takes as long for any number of
// rows are answered in an eighth of the calls, each with its own rows.
func batches(t *testing.T, start Start) {
	const clients, factor = 64, 8
	// A full batch does not wait: the delay only bounds how far apart a busy
	// machine may send what belongs together.
	joined := under(graph.Policy{Batch: &graph.Batch{MaxSize: clients, MaxDelay: "500ms"}}, model("a", 1))
	foreign := joined
	foreign.Protocol = "v2"
	run := func(t *testing.T, w wire, n Node) (calls int, took time.Duration) {
		e, cs := launch(t, start, w.protocol, n)
		expect(t, w, e, 71) // The connections are there, and what is known of the model.
		slowly(cs["a"], 5*time.Millisecond)
		cs.reset()
		took = all(t, clients, func(i int) error {
			x, err := w.predict(soon(t), e, float64(100+i))
			if want := float64((100+i)*10 + 1); err == nil && x != want {
				return fmt.Errorf("%d became %v, want %v", 100+i, x, want)
			}
			return err
		})
		return predicted(cs["a"]), took
	}
	each(t, nil, func(t *testing.T, w wire) {
		without, slow := run(t, w, model("a", 1))
		for name, n := range map[string]Node{"own": joined, "foreign": foreign} {
			with, fast := run(t, w, n)
			t.Logf("%s: %d calls in %v, without %d in %v: %.1f times the throughput", name, with, fast, without, slow, slow.Seconds()/fast.Seconds())
			if without != clients || with*factor > clients {
				t.Errorf("%s: %d requests made %d calls, without a batch %d", name, clients, with, without)
			}
		}
	})
}

// batchRefused holds that a request which the node refuses fails alone.
func batchRefused(t *testing.T, start Start) {
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, under(graph.Policy{Batch: &graph.Batch{MaxSize: 8, MaxDelay: "200ms"}}, model("a", 1)))
		expect(t, w, e, 71)
		a := stub.Model{Protocol: w.protocol, Name: "a", Digit: 1}
		// 1666 is what is refused, in whichever form.
		cs["a"].Before(func(c stub.Call) (stub.Answer, bool) {
			answer := a.Answer(c)
			poisoned := strings.Contains(string(c.Body), "1666") || c.GRPC && poison(w.protocol, c.Body)
			return stub.Answer{Status: http.StatusInternalServerError, Code: codes.Unknown, Message: "poison"}, poisoned && answer.Status == 0
		})
		cs.reset()
		var failed atomic.Int32
		all(t, 8, func(i int) error {
			x := 100 + float64(i)
			if i == 3 {
				x = 1666
			}
			got, err := w.predict(soon(t), e, x)
			switch {
			case i == 3 && err == nil:
				return fmt.Errorf("the poison was answered by %v", got)
			case i == 3:
				failed.Add(1)
				return nil
			case err == nil && got != x*10+1:
				return fmt.Errorf("%v became %v", x, got)
			}
			return err
		})
		if n := predicted(cs["a"]); failed.Load() != 1 || n != 9 {
			t.Errorf("%d failed, after %d calls: want one for all and one for each", failed.Load(), n)
		}
	})
}

// poison finds the number 1666 in a request over gRPC.
func poison(protocol string, body []byte) bool {
	for _, x := range stub.Numbers(protocol, body) {
		if x == 1666 {
			return true
		}
	}
	return false
}

// batchDeadlines holds that a request which may not wait does not, and that the
// others are answered.
func batchDeadlines(t *testing.T, start Start) {
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, under(graph.Policy{Batch: &graph.Batch{MaxSize: 3, MaxDelay: "10s"}}, model("a", 1)))
		slowly(cs["a"], 200*time.Millisecond)
		var late time.Duration
		all(t, 3, func(i int) error {
			ctx := soon(t)
			if i == 1 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				began := time.Now()
				_, err := w.predict(ctx, e, 7)
				if late = time.Since(began); err == nil {
					return fmt.Errorf("it was answered")
				}
				return nil
			}
			x, err := w.predict(ctx, e, float64(100+i))
			if err == nil && x != float64((100+i)*10+1) {
				return fmt.Errorf("%d became %v", 100+i, x)
			}
			return err
		})
		if late > 190*time.Millisecond {
			t.Errorf("a request with 50 ms waited %v", late)
		}
	})
}

// batchAlone holds that requests which say something of their own are not joined.
func batchAlone(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", under(graph.Policy{Batch: &graph.Batch{MaxSize: 8, MaxDelay: "50ms"}}, model("a", 1)))
	for name, c := range map[string]struct {
		bodies  [2]string
		tenants [2]string
		calls   int
	}{
		"alike":            {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"meta":{},"data":{"ndarray":[[2]]}}`}, [2]string{"x", "x"}, 1},
		"tags":             {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"meta":{"tags":{"a":1}},"data":{"ndarray":[[2]]}}`}, [2]string{}, 2},
		"fields":           {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[2]]},"more":1}`}, [2]string{}, 2},
		"shapes":           {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[1,2]]}}`}, [2]string{}, 2},
		"numbers":          {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[1.5]]}}`}, [2]string{}, 2},
		"headers":          {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"data":{"ndarray":[[2]]}}`}, [2]string{"x", "y"}, 2},
		"no JSON":          {[2]string{`{"data":{"ndarray":[[1]]}}`, `{"data":`}, [2]string{}, 2},
		"as many as go":    {[2]string{`{"data":{"ndarray":[[1],[1],[1],[1],[1],[1],[1],[1]]}}`, `{"data":{"ndarray":[[2]]}}`}, [2]string{}, 2},
		"no rows together": {[2]string{`{"strData":"a"}`, `{"strData":"b"}`}, [2]string{}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			cs.reset()
			all(t, 2, func(i int) error {
				r, err := http.NewRequestWithContext(soon(t), http.MethodPost, predictions(e), strings.NewReader(c.bodies[i]))
				if err != nil {
					return err
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Request-Id", fmt.Sprint("request-", i))
				if c.tenants[i] != "" {
					r.Header.Set("X-Tenant", c.tenants[i])
				}
				_, _, _ = do(r) // What is no message is refused.
				return nil
			})
			calls := cs["a"].Calls()
			if len(calls) != c.calls {
				t.Errorf("%d calls, want %d", len(calls), c.calls)
			}
			if c.calls == 1 && (len(calls[0].Header["X-Tenant"]) != 1 || len(calls[0].Header["X-Request-Id"]) != 0) {
				t.Errorf("the joined call has the header %v", calls[0].Header)
			}
		})
	}
}

// batchHeaders holds that no client of a joined call gets what the node's answer says
// to one: a cookie, or the id of a request.
func batchHeaders(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", under(graph.Policy{Batch: &graph.Batch{MaxSize: 2, MaxDelay: "10s"}}, model("a", 1)))
	cs["a"].On("/predict", stub.Answer{
		Header: map[string]string{"Set-Cookie": "session=1", "X-Request-Id": "of one", "X-Model": "of all"}, Body: []byte(`{"data":{"ndarray":[[1],[2]]}}`),
	})
	all(t, 2, func(int) error {
		_, header, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[[7]]}}`))
		if header.Get("Set-Cookie") != "" || header.Get("X-Request-Id") != "" || header.Get("X-Model") != "of all" {
			return fmt.Errorf("%w: the header is %v", err, header)
		}
		return err
	})
}

func caches(t *testing.T, start Start) {
	kept := under(graph.Policy{Cache: &graph.Cache{TTL: "1h"}}, model("a", 1))
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, kept)
		for range 3 {
			expect(t, w, e, 71)
		}
		if x, err := w.predict(soon(t), e, 8); err != nil || x != 81 {
			t.Errorf("8 became %v, %v", x, err)
		}
		if n := predicted(cs["a"]); n != 2 {
			t.Errorf("two questions asked four times made %d calls", n)
		}
	})
	t.Run("as it is spaced and ordered", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", kept, "--prometheus_path", "/metrics")
		for _, body := range []string{`{"data":{"names":["a"],"ndarray":[[1, 2]]}}`, ` { "data" : {"ndarray":[ [1,2] ], "names":["\u0061"]} }`} {
			if _, _, err := post(soon(t), predictions(e), "application/json", []byte(body)); err != nil {
				t.Error(err)
			}
		}
		if n := len(cs["a"].Calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
		text, _, err := get(soon(t), "http://"+e.REST+"/metrics")
		for _, name := range []string{"hits", "misses"} {
			if want := regexp.MustCompile(`(?m)^radiant_executor_cache_` + name + `_total\{.*\} 1$`); err != nil || !want.Match(text) {
				t.Errorf("%v: the metrics do not have one of the %s", err, name)
			}
		}
	})
	t.Run("no-cache", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", kept)
		for _, control := range []string{"", "no-cache", "max-age=0, no-cache", "no-store", ""} {
			r := request(t, http.MethodPost, predictions(e), `{"data":{"ndarray":[[1]]}}`)
			r.Header.Set("Content-Type", "application/json")
			if control != "" {
				r.Header.Set("Cache-Control", control)
			}
			if _, _, err := do(r); err != nil {
				t.Error(err)
			}
		}
		if n := len(cs["a"].Calls()); n != 4 {
			t.Errorf("%d calls, want all but the last", n)
		}
	})
}

// uncached holds that errors, and answers that say so, are not kept.
func uncached(t *testing.T, start Start) {
	kept := under(graph.Policy{Cache: &graph.Cache{TTL: "1h"}}, model("a", 1))
	for name, a := range map[string]stub.Answer{
		"error":    {Status: http.StatusServiceUnavailable, Code: codes.Unavailable},
		"no-store": {Header: map[string]string{"Cache-Control": "no-store"}, Body: []byte(`{"data":{"ndarray":[[1]]}}`)},
		"failure":  {Body: []byte(`{"status":{"status":"FAILURE"}}`)},
		"cookie":   {Header: map[string]string{"Set-Cookie": "session=1"}, Body: []byte(`{"data":{"ndarray":[[1]]}}`)},
		"vary":     {Header: map[string]string{"Vary": "Accept-Encoding, Accept"}, Body: []byte(`{"data":{"ndarray":[[1]]}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			e, cs := launch(t, start, "seldon", kept)
			cs["a"].On("/predict", a)
			for range 2 {
				_, _, _ = post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[[7]]}}`))
			}
			if n := len(cs["a"].Calls()); n != 2 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// cachedIDs holds that a v2 request gets its own id with an answer that was kept.
func cachedIDs(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", under(graph.Policy{Cache: &graph.Cache{TTL: "1h"}, Batch: &graph.Batch{MaxSize: 4}}, model("a", 1)))
	for _, id := range []string{"first", "second"} {
		body := fmt.Appendf(nil, `{"id":%q,"inputs":[{"name":%q,"datatype":"FP64","shape":[1,1],"data":[7]}]}`, id, stub.Input)
		answer, _, err := post(soon(t), "http://"+e.REST+"/v2/models/infer", "application/json", body)
		if err != nil || !strings.Contains(string(answer), fmt.Sprintf(`"id":%q`, id)) {
			t.Errorf("over REST %s got %s, %v", id, answer, err)
		}
		request, out := v2Request(7), &inference.ModelInferResponse{}
		request.Id = id
		if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), proto.Message(request), out); err != nil || out.Id != id {
			t.Errorf("over gRPC %s got %v, %v", id, out, err)
		}
	}
	if n := predicted(cs["a"]); n != 2 {
		t.Errorf("%d calls, want one over each transport", n)
	}
}
