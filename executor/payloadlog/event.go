package payloadlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"
)

// EventType is what an event holds.
type EventType uint8

// The types of events.
const (
	Request EventType = iota
	Response
	Feedback
	// Outlier and Drift are what nodes found that judge requests.
	Outlier
	Drift
)

// Children is the call of an event that holds what a node hands to its children,
// or what came of them.
const Children = "children"

// types are the event types that collectors of Seldon Core v1 know.
var types = [...]string{
	Request:  "io.seldon.serving.inference.request",
	Response: "io.seldon.serving.inference.response",
	Feedback: "io.seldon.serving.feedback",
	Outlier:  "io.seldon.serving.inference.outlier",
	Drift:    "io.seldon.serving.inference.drift",
}

// Event is one payload.
type Event struct {
	ID   string
	Type EventType
	// Call is the call that the payload belongs to, such as predict, or [Children].
	Call string
	Time time.Time
	// Node is the node's name, Puid that of the request; empty: it is about many.
	Node, Puid string
	// Version is the one of the node's model that is meant; empty: the server chose.
	Version string
	// ContentType, Encoding and JSONLength are those of the payload.
	ContentType, Encoding string
	JSONLength            int
	Body                  []byte
	// Reason is why there is no answer, as metrics call it; empty: it is no failure.
	Reason string
	// Redacted says what is missing: "fields" of the body, or the "body"; empty:
	// nothing.
	Redacted string

	node         *Node
	size         int64
	grpc, answer bool
}

// Sink takes events.
type Sink interface {
	Send(ctx context.Context, e *Event, attributes []Attribute) error
	// String names it for logs, without secrets.
	String() string
	Close()
}

// Attribute is one of a CloudEvent's own, or of Seldon's beside them.
type Attribute struct{ Name, Value string }

// attributes describe an event, the content type aside.
func (l *Log) attributes(e *Event) []Attribute {
	o := &l.options
	all := []Attribute{
		{"id", e.ID}, {"specversion", "1.0"}, {"type", types[e.Type]}, {"source", o.Source},
		{"time", e.Time.Format(time.RFC3339Nano)},
		{"modelid", e.Node}, {"inferenceservicename", o.Deployment},
		{"namespace", o.Namespace}, {"endpoint", o.Predictor}, {"protocol", o.Protocol}, {"call", e.Call},
	}
	if e.Reason != "" {
		all = append(all, Attribute{"reason", e.Reason})
	}
	if e.Puid != "" {
		all = append(all, Attribute{"requestid", e.Puid})
	}
	if e.Version != "" {
		all = append(all, Attribute{"modelversion", e.Version})
	}
	if e.Redacted != "" {
		all = append(all, Attribute{"redacted", e.Redacted})
	}
	return all
}

var errTooLarge = errors.New("it is too large")

// unpacked undoes gzip, up to a size.
func unpacked(body []byte, limit int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(out)) > limit {
		err = errTooLarge
	}
	return out, err
}
