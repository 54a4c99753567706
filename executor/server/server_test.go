package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// engine answers predictions by a function and nothing else.
type engine struct {
	predict func(m message.Message) (message.Message, error)
}

func (e engine) Predict(_ context.Context, _ protocol.Transport, m message.Message) (message.Message, error) {
	return e.predict(m)
}

func (engine) Feedback(_ context.Context, _ protocol.Transport, m message.Message) (message.Message, error) {
	return m, errors.New("no feedback")
}

func (engine) Repository(_ context.Context, _ protocol.Transport, _ protocol.Action, m message.Message) (message.Message, error) {
	return m, nil
}

func (engine) Query(_ context.Context, _ protocol.Transport, _ protocol.Query, m message.Message) (message.Message, error) {
	return m, errors.New("no answer")
}

func (engine) GraphMetadata(_ context.Context, _ protocol.Transport, m message.Message) (message.Message, error) {
	return m, errors.New("no metadata")
}

func (engine) Stream(context.Context, protocol.Method, protocol.Stream) error {
	return errors.New("no streams")
}

func (engine) Ready(context.Context) error { return nil }
func (engine) Reads() bool                 { return false }

func options(t *testing.T, predict func(m message.Message) (message.Message, error)) Options {
	t.Helper()
	p, err := protocol.Lookup("seldon")
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Engine: engine{predict}, Protocol: p, MaxRequestBytes: 1 << 20, MaxGRPCBytes: 1 << 20, MaxHeaderBytes: 1 << 20, MaxStreams: 100,
		NewPuid: func() string { return "fresh" }, GracefulTimeout: 10 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/api/v1.0/predictions", strings.NewReader(body))
	r.Header.Set("Content-Type", jsonType)
	h.ServeHTTP(w, r)
	return w
}

func TestPanicIsAnswered(t *testing.T) {
	o := options(t, func(message.Message) (message.Message, error) { panic("boom") })
	w := post(newREST(o, new(atomic.Bool)), `{}`)
	if w.Code != http.StatusInternalServerError || w.Body.String() != `{"status":{"code":500,"info":"panic: boom","status":"FAILURE"}}` {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}

	o.Host = "127.0.0.1"
	s, err := Listen(0, 0, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	_, address := s.Addresses()
	conn, err := grpc.NewClient("passthrough:///127.0.0.1"+address[strings.LastIndexByte(address, ':'):], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range 2 {
		_, err = seldon.NewSeldonClient(conn).Predict(ctx, &seldon.SeldonMessage{})
		if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "panic: boom") {
			t.Errorf("answer is %v", err)
		}
	}
}

func TestErrorsByTable(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		body string
	}{
		{protocol.Errorf(protocol.Invalid, "bad <b>"), 400, `{"status":{"code":400,"info":"bad \u003cb\u003e","status":"FAILURE"}}`},
		{protocol.Errorf(protocol.NotFound, "gone"), 404, `{"status":{"code":404,"info":"gone","status":"FAILURE"}}`},
		{protocol.AtNode(protocol.Errorf(protocol.Unreachable, "refused"), "m", "predict"), 500, `{"status":{"code":500,"info":"node \"m\": predict: refused","status":"FAILURE"}}`},
		{context.Canceled, 499, `{"status":{"code":499,"info":"context canceled","status":"FAILURE"}}`},
		{errors.New("other"), 500, `{"status":{"code":500,"info":"other","status":"FAILURE"}}`},
	} {
		o := options(t, func(m message.Message) (message.Message, error) { return m, c.err })
		w := post(newREST(o, new(atomic.Bool)), `{}`)
		if w.Code != c.code || w.Body.String() != c.body || w.Header().Get("Content-Type") != jsonType {
			t.Errorf("%v: answer is %d %s %s", c.err, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
}

func TestEscaped(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:              `{"a":1}`,
		`<>&`:                  `\u003c\u003e\u0026`,
		"a\u2028b\u2029c":      `a\u2028b\u2029c`,
		"\u2027\u202a\u20ac":   "\u2027\u202a\u20ac",
		"cut \xe2\x80":         "cut \xe2\x80",
		"\xe2\x80\xa8\xe2\x80": `\u2028` + "\xe2\x80",
		"":                     "",
	} {
		if got := string(escaped([]byte(in))); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	body := []byte(`{"data":{"ndarray":[1,2,3]}}`)
	if got := escaped(body); &got[0] != &body[0] {
		t.Error("a harmless body was copied")
	}
}

func TestIsJSON(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;x=y": true, "application/problem+json": true,
		"": false, "text/html": false, "application/octet-stream": false, "application/jsonl": false,
	} {
		if isJSON(kind) != want {
			t.Errorf("%q is JSON: %v", kind, !want)
		}
	}
}

// A draining server tells clients to connect elsewhere.
func TestDrainingClosesConnections(t *testing.T) {
	var draining atomic.Bool
	h := newREST(options(t, func(m message.Message) (message.Message, error) { return m, nil }), &draining)
	if got := post(h, `{}`).Header().Get("Connection"); got != "" {
		t.Errorf("Connection is %q", got)
	}
	draining.Store(true)
	if got := post(h, `{}`).Header().Get("Connection"); got != "close" {
		t.Errorf("Connection is %q while draining", got)
	}
}

func BenchmarkEscapedNothing(b *testing.B) {
	body := []byte(strings.Repeat(`{"data":{"ndarray":[1,2,3]}}`, 1000))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		escaped(body)
	}
}
