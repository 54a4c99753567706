package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// faults checks bad input and bad components.
func faults(t *testing.T, start Start) {
	t.Run("component down", func(t *testing.T) { down(t, start) })
	t.Run("component answers garbage", func(t *testing.T) { garbage(t, start) })
	t.Run("router answers a seldon message", func(t *testing.T) { seldonRoutes(t, start) })
	t.Run("component cuts its answer", func(t *testing.T) { cut(t, start) })
	t.Run("component answers too much", func(t *testing.T) { tooMuch(t, start) })
	t.Run("component is too slow", func(t *testing.T) { tooSlow(t, start) })
	t.Run("component redirects", func(t *testing.T) { redirects(t, start) })
	t.Run("first failing child wins", func(t *testing.T) { firstFailure(t, start) })
	t.Run("long header", func(t *testing.T) { longHeader(t, start) })
	t.Run("200 MB body", func(t *testing.T) { tooLarge(t, start) })
	t.Run("body that ends early", func(t *testing.T) { endsEarly(t, start) })
	t.Run("client goes away", func(t *testing.T) { clientGone(t, start) })
}

func down(t *testing.T, start Start) {
	each(t, nil, func(t *testing.T, w wire) {
		e, cs := launch(t, start, w.protocol, model("a", 1, model("b", 2)))
		cs["b"].Close()
		_, err := w.predict(soon(t), e, 7)
		text := `node "b": predict: `
		if !w.grpc {
			text += `Post "http://`
		}
		if w.grpc {
			failed(t, w, err, failure{0, codes.Unavailable, "connection refused"})
			return
		}
		failed(t, w, err, failure{http.StatusInternalServerError, codes.OK, text})
		failed(t, w, err, failure{http.StatusInternalServerError, codes.OK, "connection refused"})
	})
}

func garbage(t *testing.T, start Start) {
	shapes := map[string]struct {
		graph Node
		from  string
		info  string
		// seldon chains without reading, so that garbage is for the next
		// component to refuse.
		read bool
	}{
		"in a chain":   {model("a", 1, model("b", 2)), "a", `node "b": predict: `, false},
		"as a route":   {router("a", 0, model("b", 2)), "a", `node "a": route: `, true},
		"for a mean":   {builtin("AVERAGE_COMBINER", "v", model("b", 2), model("a", 1)), "a", `node "v": aggregate: child 1: `, true},
		"for a client": {model("a", 1), "a", "", false},
	}
	for name, c := range shapes {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w wire) {
				e, cs := launch(t, start, w.protocol, c.graph)
				cs[c.from].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte("\xff<not a message>")} })
				_, err := w.predict(soon(t), e, 7)
				switch {
				case c.info == "":
					if err == nil {
						t.Error("garbage was read")
					}
				case c.read || w.protocol != "seldon":
					failed(t, w, err, failure{http.StatusInternalServerError, codes.Internal, c.info})
				case err == nil:
					t.Error("garbage was read")
				}
			})
		})
	}
	t.Run("for a combiner", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", typed(graph.Combiner, "c", 9, model("a", 1), model("b", 2)))
		cs["b"].On("/predict", stub.Answer{Body: []byte(`{"data":`)})
		_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
		failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "c": aggregate: child 1: `})
		if n := len(cs["c"].Calls()); n != 0 {
			t.Errorf("the combiner was called %d times", n)
		}
	})
	t.Run("as a route, seldon", func(t *testing.T) {
		e, cs := launch(t, start, "seldon", router("r", 0, model("a", 1), model("b", 2)))
		for _, answer := range []string{``, `{}`, `{"strData":"1"}`, `{"jsonData":1}`, `{"data":{"ndarray":[]}}`, `{"data":{"ndarray":[[]]}}`, `{"data":{"tensor":{"values":[]}}}`, `[]`, `["a"]`, `1`, `{"data":{"ndarray":[1e300]}}`} {
			cs["r"].On("/route", stub.Answer{Body: []byte(answer)})
			_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
			failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "r"`})
		}
		for answer, want := range map[string]float64{
			`{"data":{"ndarray":[1]}}`: 72, `{"data":{"ndarray":[[1]]}}`: 72, `{"data":{"ndarray":["x"]}}`: 71, `{"data":{"ndarray":[0.9]}}`: 71,
			`{"data":{"tensor":{"shape":[1,1],"values":[1]}}}`: 72, `{"data":{"names":["x"]}}`: 71, `[1]`: 72, ` [ 0 ] `: 71,
			`{"data":{"tftensor":{"dtype":"DT_INT32","tensorShape":{"dim":[{"size":"1"}]},"intVal":[1]}}}`: 72,
		} {
			cs["r"].On("/route", stub.Answer{Body: []byte(answer)})
			body, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
			if err != nil {
				t.Errorf("route %s: %v", answer, err)
			} else if x, _ := number(body); x != want {
				t.Errorf("route %s led to %s", answer, body)
			}
		}
	})
}

// seldonRoutes checks routers that answer a seldon message in another protocol.
func seldonRoutes(t *testing.T, start Start) {
	each(t, []string{"tensorflow", "v2"}, func(t *testing.T, w wire) {
		if w.grpc {
			return
		}
		e, cs := launch(t, start, w.protocol, router("r", 0, model("a", 1), model("b", 2)))
		for answer, want := range map[string]float64{`{"data":{"ndarray":[[1]]}}`: 72, `{"data":{"tensor":{"shape":[1],"values":[0]}}}`: 71, `[1]`: 72} {
			cs["r"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte(answer)} })
			if x, err := w.predict(soon(t), e, 7); err != nil || x != want {
				t.Errorf("route %s led to %v, %v, want %v", answer, x, err, want)
			}
		}
		cs["r"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Body: []byte(`{"data":{"ndarray":[]}}`)} })
		_, err := w.predict(soon(t), e, 7)
		failed(t, w, err, failure{http.StatusInternalServerError, codes.OK, `node "r": route: `})
	})
}

func cut(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	cs["a"].On("/predict", stub.Answer{Cut: true, Body: []byte(`{"data"`)})
	_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, "reading the answer: unexpected EOF"})
}

func tooMuch(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--max_response_bytes", "1000")
	cs["a"].On("/predict", stub.Answer{Body: bytes.Repeat([]byte("1"), 2000)})
	_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, "too large"})
	cs["a"].On("/seldon.protos.Model/Predict", stub.Answer{Body: bytes.Repeat([]byte("1"), 2000)})
	_, err = seldonRPC(soon(t), e, 7)
	failed(t, wire{grpc: true}, err, failure{0, codes.ResourceExhausted, "larger than max"})
}

func tooSlow(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs))
	if err := os.WriteFile(filepath.Join(l.Env["RADIANT_PODINFO"], "annotations"), []byte("seldon.io/rest-timeout=\"50\"\nseldon.io/grpc-timeout=\"50\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, l)
	cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Hang: true} })
	_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
	failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, "context deadline exceeded"})
	_, err = seldonRPC(soon(t), e, 7)
	failed(t, wire{grpc: true}, err, failure{0, codes.DeadlineExceeded, ""})
}

func redirects(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	cs["a"].On("/predict", stub.Answer{Status: http.StatusTemporaryRedirect, Header: map[string]string{"Location": "/elsewhere"}})
	cs["a"].On("/elsewhere", stub.Answer{Body: []byte(`{"here":1}`)})
	body, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"a":1}`))
	if err != nil || string(body) != `{"here":1}` {
		t.Errorf("answer is %s, %v", body, err)
	}
	if calls := cs["a"].Calls(); len(calls) != 2 || calls[0].Path != "/predict" || string(calls[1].Body) != `{"a":1}` {
		t.Errorf("the component got %v", calls)
	}
}

func firstFailure(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("m", 1, model("a", 1), model("b", 2), model("c", 3)))
	cs["a"].On("/predict", stub.Answer{Body: []byte(`{"data":{"ndarray":[1]}}`)})
	cs["b"].On("/predict", stub.Answer{Status: 432, Delay: 50_000_000, Body: []byte(`b`)})
	cs["c"].On("/predict", stub.Answer{Status: 433, Body: []byte(`c`)})
	_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{"data":{"ndarray":[7]}}`))
	failed(t, wire{}, err, failure{432, codes.OK, "b"})
}

// zeros is a body that is never held in memory.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func tooLarge(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	const size = 200 << 20
	for name, sent := range map[string]struct {
		length int64
		expect string
	}{
		"announced":         {size, ""},
		"announced, asking": {size, "100-continue"},
		"chunked":           {-1, ""},
		"chunked, asking":   {-1, "100-continue"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(soon(t), http.MethodPost, predictions(e), io.LimitReader(zeros{}, size))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = sent.length
			r.Header.Set("Content-Type", "application/json")
			if sent.expect != "" {
				r.Header.Set("Expect", sent.expect)
			}
			client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10e9}}
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "larger than the limit of 104857600 bytes") {
				t.Errorf("answer is %d %s", answer.StatusCode, body)
			}
		})
	}
	if len(cs.counts()) != 0 {
		t.Errorf("the component was called: %v", cs.counts())
	}
	if _, err := seldonRPC(soon(t), e, 7); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// longHeader checks the bound on headers.
func longHeader(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1), "--max_header_bytes", "20000")
	long := strings.Repeat("x", 40_000)
	r := request(t, http.MethodPost, predictions(e), "{}")
	r.Header.Set("X-Long", long)
	_, _, err := do(r)
	if s := new(status); !errors.As(err, &s) || s.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 40 kB over REST: %v", err)
	}
	_, err = seldonRPC(metadata.AppendToOutgoingContext(soon(t), "x-long", long), e, 7)
	if err == nil || len(cs.counts()) != 0 {
		t.Errorf("a header of 40 kB over gRPC: %v, calls %v", err, cs.counts())
	}
	if _, err := seldonRPC(metadata.AppendToOutgoingContext(soon(t), "x-short", "x"), e, 7); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func endsEarly(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	conn, err := net.Dial("tcp", e.REST)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"data\":"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400") || !strings.Contains(string(answer), "reading request body: unexpected EOF") || len(cs.counts()) != 0 {
		t.Errorf("answer is %q, calls %v", answer, cs.counts())
	}
}

func clientGone(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	cs["a"].Otherwise(func(stub.Call) stub.Answer { return stub.Answer{Hang: true} })
	for name, send := range map[string]func(context.Context) error{
		"REST": func(ctx context.Context) error {
			_, _, err := post(ctx, predictions(e), "application/json", []byte(`{}`))
			return err
		},
		"gRPC": func(ctx context.Context) error {
			return invoke(ctx, e.at(seldon.Seldon_Predict_FullMethodName), seldonRequest(7), &seldon.SeldonMessage{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cs.reset()
			ctx, leave := context.WithCancel(soon(t))
			done := make(chan error, 1)
			go func() { done <- send(ctx) }()
			calls, err := cs["a"].Await(soon(t), 1)
			if err != nil {
				t.Fatal(err)
			}
			leave()
			if err := <-done; err == nil {
				t.Error("the client has an answer")
			}
			select {
			case <-calls[0].Gone:
			case <-soon(t).Done():
				t.Error("the component still works for a client that left")
			}
		})
	}
}
