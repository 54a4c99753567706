package telemetry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Call is one kind of call on one node.
type Call struct {
	// Node is the node's name, Call the call's.
	Node, Call string
	Transport  protocol.Transport
	// Path is the path or full gRPC method that is asked. What clients choose,
	// such as the name of a model, is not in it, since it would make a new
	// series each time.
	Path string
	// Method is that of HTTP, or of gRPC unary or stream.
	Method string
	// Protocol is the name of the one that the node's server speaks.
	Protocol string
}

// Calls sees the calls of one kind on one node go by.
type Calls struct {
	transport protocol.Transport
	outcomes  *outcomes
	inFlight  prometheus.Gauge
	errors    [reasonCount]atomic.Pointer[prometheus.Counter]
	reason    func(r reason) prometheus.Counter
	// rewards count feedback; nil: this is another call.
	rewards *rewards
	spans   *spans
	// reporter is nil where metrics of components are not shown.
	reporter *reporter
}

// NotMade is the method of a call that a node's server does not take.
const NotMade = "none"

// Calls makes an observer of a kind of call. Of one that is [NotMade], only
// [Calls.Took] is told.
func (t *Telemetry) Calls(c Call) *Calls {
	image, version := splitImage(t.options.Images[c.Node])
	if c.Method == NotMade {
		return &Calls{transport: c.Transport, rewards: t.feedback.of(c.Transport, c.Node, image, version)}
	}
	// In the order of clientLabels (family.go).
	labels := []string{c.Path, c.Node, image, version, strings.ToLower(c.Method)}
	calls := &Calls{
		transport: c.Transport,
		outcomes:  t.client.outcomes(codeNames[c.Transport], labels...),
		inFlight:  t.gauges.client.WithLabelValues(labels...),
		reason: func(r reason) prometheus.Counter {
			return t.gauges.errors.WithLabelValues(append(labels[:len(labels):len(labels)], reasons[r])...)
		},
		spans: t.tracer.spans(c.Transport, trace.SpanKindClient, c.Path, attribute.String("seldon.node", c.Node), attribute.String("seldon.call", c.Call)),
	}
	calls.reporter = t.custom.of(c, image, version)
	if c.Call == graph.CallSendFeedback.String() {
		calls.rewards = t.feedback.of(c.Transport, c.Node, image, version)
	}
	return calls
}

// Begin is told of a call before it is made. It returns the context and the
// message that the call is made with.
func (c *Calls) Begin(ctx context.Context, m message.Message) (context.Context, message.Message) {
	c.inFlight.Inc()
	if c.spans != nil {
		return c.spans.call(ctx, m)
	}
	return ctx, m
}

// End is told what came of a call that began at start. ctx and sent are those
// of Begin.
func (c *Calls) End(ctx context.Context, start time.Time, sent, answer message.Message, err error) {
	c.inFlight.Dec()
	code, answered := success[c.transport], true
	if err != nil {
		code, answered = codeOf(c.transport, err)
		c.failed(reasonOf(err))
	} else {
		c.read(sent, answer)
	}
	if answered {
		c.outcomes.observe(start, code)
	}
	if c.spans != nil {
		c.spans.ended(ctx, code, err)
	}
}

// read takes what is to be counted out of messages.
func (c *Calls) read(sent, answer message.Message) {
	if c.rewards != nil {
		c.rewards.count(sent)
	}
	if c.reporter != nil {
		c.reporter.report(sent, answer)
	}
}

// Took is told of feedback that came to a node whose server takes none.
func (c *Calls) Took(m message.Message) {
	if c.rewards != nil {
		c.rewards.count(m)
	}
}

// Unusable is told of an answer that turned out to be of no use.
func (c *Calls) Unusable() { c.failed(badAnswer) }

// failed counts an error. Its series is made when it happens first.
func (c *Calls) failed(r reason) {
	counter := c.errors[r].Load()
	if counter == nil {
		made := c.reason(r)
		counter = &made
		c.errors[r].Store(counter)
	}
	(*counter).Inc()
}

// success is the code of a good answer.
var success = [...]int{protocol.REST: http.StatusOK, protocol.GRPC: int(codes.OK)}

// codeOf returns the status that a call ended with. Over REST there is none
// where no answer came; over gRPC there always is.
func codeOf(t protocol.Transport, err error) (code int, ok bool) {
	if t == protocol.REST {
		var refusal *protocol.Refusal
		if errors.As(err, &refusal) {
			return refusal.Status, true
		}
		return 0, false
	}
	if s, ok := protocol.StatusOf(err); ok {
		return int(s.Code()), true
	}
	return int(protocol.CodeOf(err).GRPC()), true
}

// reason is why a call failed.
type reason uint8

const (
	unreachable reason = iota
	timeout
	canceled
	// refused is an answer whose status says that it failed.
	refused
	badAnswer
	// invalid is a request that the node failed by, and that did not fit its model.
	invalid
	internal
	reasonCount
)

var reasons = [reasonCount]string{
	unreachable: "unreachable", timeout: "timeout", canceled: "canceled", refused: "refused", badAnswer: "bad_answer", invalid: "invalid", internal: "internal",
}

func reasonOf(err error) reason {
	switch protocol.CodeOf(err) {
	case protocol.Unreachable:
		return unreachable
	case protocol.Timeout:
		return timeout
	case protocol.Canceled:
		return canceled
	case protocol.Refused, protocol.Declined, protocol.NotNow:
		return refused
	case protocol.BadAnswer, protocol.TooLarge:
		return badAnswer
	case protocol.Invalid:
		return invalid
	}
	return internal
}
