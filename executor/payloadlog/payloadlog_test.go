package payloadlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// collector is a sink that keeps bodies, and panics at one of them.
type collector struct {
	mu     sync.Mutex
	bodies []string
}

func (c *collector) Send(_ context.Context, e *Event, _ []Attribute) error {
	if string(e.Body) == "panic" {
		panic("no such thing")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(e.Body))
	return nil
}

func (*collector) String() string { return "a collector" }
func (*collector) Close()         {}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(body)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What one payload does to its worker harms no other, and what is unpacked
// counts as what was sent.
func TestHarmfulPayloads(t *testing.T) {
	sink := &collector{}
	const room = 1 << 20
	l, err := New(Options{
		Sink: sink, Workers: 1, MaxEvents: 100, MaxBytes: room, NewID: func() string { return "id" },
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	node, err := l.Node(&graph.Node{Name: "m", Logger: &graph.Logger{Mode: graph.LogAll}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []message.Message{
		{Body: []byte("first")},
		{Body: []byte("panic")},
		{Body: zipped(t, make([]byte, 2*room)), Encoding: "gzip"},
		{Body: []byte("not gzip"), Encoding: "gzip"},
		{Body: zipped(t, []byte("small")), Encoding: "gzip"},
		{Body: []byte("last")},
	} {
		m.Meta = &message.Meta{Puid: "x"}
		node.Log(Request, "predict", protocol.REST, m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l.Close(ctx)
	if diff := cmp.Diff([]string{"first", "small", "last"}, sink.bodies); diff != "" {
		t.Error(diff)
	}
	if n := l.bytes.Load(); n != 0 {
		t.Errorf("%d bytes are still counted", n)
	}
}

// events is a sink that keeps events.
type events struct{ sent chan *Event }

func (s events) Send(_ context.Context, e *Event, _ []Attribute) error {
	s.sent <- e
	return nil
}

func (events) String() string { return "events" }
func (events) Close()         {}

// A call that fails has an event that says why, with what the node answered, or
// the error. Where fields are redacted nothing is quoted.
func TestFailuresAreEvents(t *testing.T) {
	sink := events{make(chan *Event, 1)}
	l, err := New(Options{
		Protocol: "seldon", Sink: sink, Workers: 1, MaxEvents: 100, MaxBytes: 1 << 20, NewID: func() string { return "id" },
		Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(t.Context())
	refusal := protocol.Coded(protocol.Refused, &protocol.Refusal{Status: 500, Message: message.Message{Body: []byte("boom"), Type: "text/plain"}})
	for _, c := range []struct {
		logger                       graph.Logger
		err                          error
		reason, kind, body, redacted string
	}{
		{graph.Logger{Mode: graph.LogAll}, refusal, "refused", "text/plain", "boom", ""},
		{graph.Logger{Mode: graph.LogResponse}, protocol.Errorf(protocol.Timeout, "late"), "timeout", "application/json", `{"status":{"code":500,"info":"late","status":"FAILURE"}}`, ""},
		{graph.Logger{Mode: graph.LogAll, Redact: []string{"age"}}, refusal, "refused", "", "", "body"},
	} {
		node, err := l.Node(&graph.Node{Name: "m", Logger: &c.logger})
		if err != nil {
			t.Fatal(err)
		}
		node.LogFailure("predict", &message.Meta{Puid: "x"}, c.err)
		e := <-sink.sent
		got := [...]string{e.Reason, e.ContentType, string(e.Body), e.Redacted, e.Puid, e.Node}
		if want := [...]string{c.reason, c.kind, c.body, c.redacted, "x", "m"}; got != want || e.Type != Response {
			t.Errorf("event is %q, want %q", got, want)
		}
	}
}

// Findings go where they are told to, or where payloads go that name no URL, and
// count among what waits.
func TestFindings(t *testing.T) {
	discard := slog.New(slog.NewTextHandler(io.Discard, nil))
	for _, c := range []struct {
		endpoint, to, url, want string
	}{
		{"http://a/x", "", "http://a/x", ""}, {"http://a/x", "https://b", "https://b", ""},
		{"", "", "", "REQUEST_LOGGER_DEFAULT_ENDPOINT is not set"}, {"", "b:80", "", "it is no http or https URL"},
	} {
		l, err := New(Options{Endpoint: c.endpoint, MaxEvents: 1, MaxBytes: 1, Registry: prometheus.NewRegistry(), Log: discard})
		if err != nil {
			t.Fatal(err)
		}
		n, err := l.Findings("m", c.to)
		if c.want != "" && (err == nil || err.Error() != c.want) || c.want == "" && (err != nil || n.url != c.url) {
			t.Errorf("%+v: %+v, %v", c, n, err)
		}
		l.Close(t.Context())
	}
	sink := &collector{}
	l, err := New(Options{Sink: sink, Workers: 1, MaxEvents: 10, MaxBytes: 10, NewID: func() string { return "id" }, Registry: prometheus.NewRegistry(), Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	n, err := l.Findings("m", "")
	if err != nil {
		t.Fatal(err)
	}
	n.Found(Outlier, "transform-input", "x", []byte("small"))
	n.Found(Drift, "transform-input", "", []byte("larger than all that may wait"))
	l.Close(t.Context())
	if diff := cmp.Diff([]string{"small"}, sink.bodies); diff != "" || l.bytes.Load() != 0 {
		t.Errorf("%d bytes are still counted; %s", l.bytes.Load(), diff)
	}
}
