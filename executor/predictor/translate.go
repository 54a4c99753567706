package predictor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// translated speaks the protocol of the node's server where the clients speak
// another.
func (l *lane) translated(c graph.Call, next link) link {
	if !l.foreign {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		if verb := m.Meta.Model.Verb; verb != "" {
			return m, protocol.Errorf(protocol.Unimplemented, "a %s request cannot be translated from protocol %s to %s",
				verb, l.outside.Name, l.speaks.Name)
		}
		t := attempt{lane: l, call: c, began: time.Now(), asked: m, model: l.asked(m.Meta)}
		t.spec = l.specs.of(t.model)
		if err := t.request(ctx); err != nil {
			return m, err
		}
		answer, err := t.send(ctx, next)
		if err != nil {
			return m, l.refused(err)
		}
		return t.answer(ctx, answer)
	}
}

// workFactor is what reading a message and writing it in another form takes,
// besides the message itself: the tensors and the new text.
const workFactor = 2

// work is memory that is taken to rewrite a message.
type work struct {
	lease *message.Lease
	taken int64
}

// workingOn takes the memory that is needed to rewrite messages of one request.
func workingOn(ms ...message.Message) (work, error) {
	w := work{}
	for i := range ms {
		w.lease = ms[i].Meta.Lease
		w.taken += workFactor * int64(len(ms[i].Body))
	}
	if err := w.lease.Take(w.taken); err != nil {
		return work{}, protocol.Coded(protocol.CodeOf(err), err)
	}
	return w, nil
}

// done keeps what the outcome takes until the end of the request, and gives back the
// rest.
func (w work) done(outcome message.Message) {
	w.lease.Give(w.taken - min(int64(len(outcome.Body)), w.taken))
}

// refused puts a refusal of the node's server into the words of the client's
// protocol.
func (l *lane) refused(err error) error {
	var r *protocol.Refusal
	var e *protocol.Error
	if !errors.As(err, &e) {
		return err
	}
	if !errors.As(err, &r) {
		if s, ok := protocol.StatusOf(err); ok && l.advice(s.Message()) != "" {
			return e.Instead(status.Error(s.Code(), s.Message()+l.advice(s.Message())))
		}
		return err
	}
	text := fmt.Sprintf("node %q: %s", l.name, reason(l.speaks.FailureText(r.Body), r.Body))
	text += l.advice(text)
	if l.transport == protocol.GRPC {
		return e.Instead(status.Error(statusOf(r.Status), text))
	}
	return e.Instead(&protocol.Refusal{Status: r.Status, Message: message.Message{
		Body: l.outside.Failure(r.Status, text), Type: "application/json", Answer: true, Meta: r.Meta,
	}})
}

// advice is what helps against a refusal that the executor has a part in.
func (l *lane) advice(refusal string) string {
	if l.translation.MLServer != translate.NoRuntime && slices.Equal(l.translation.Outputs, []string{defaultMethod}) && strings.Contains(refusal, defaultMethod) {
		return `; the node's parameter "method" says what to ask instead, such as predict`
	}
	return ""
}

// reason is what a failure says: its message, or else its text. In a traceback
// of Python that is what follows the frames of the last exception, which may
// have several lines.
func reason(message string, body []byte) string {
	if message != "" {
		return message
	}
	text := strings.TrimSpace(string(body))
	const head = "Traceback (most recent call last)"
	if !strings.HasPrefix(text, head) {
		return text
	}
	_, text, _ = strings.Cut(text[strings.LastIndex(text, head):], "\n")
	for strings.HasPrefix(text, " ") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// readable refuses messages that cannot be understood, which only translation
// needs.
func (l *lane) readable(next link) link {
	if !l.foreign {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		m, err := understood(l.transport, m)
		if err != nil {
			return m, err
		}
		return next(ctx, m)
	}
}

// understood is a message whose form is known. Clients that state no type, or the one that curl states
// by default, are taken to mean JSON if the body looks so.
func understood(t protocol.Transport, m message.Message) (message.Message, error) {
	m, err := protocol.Plain(m)
	if err != nil || t == protocol.GRPC {
		return m, err
	}
	if m.Type == jsonType {
		return m, nil
	}
	kind, _, err := mime.ParseMediaType(m.Type)
	if err != nil {
		kind = m.Type
	}
	switch {
	case kind == "application/json", strings.HasSuffix(kind, "+json"), m.JSONLength > 0:
		return m, nil
	case kind == "", kind == "application/x-www-form-urlencoded":
		if start := bytes.TrimLeft(m.Body, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
			m.Type = "application/json"
			return m, nil
		}
	}
	code := protocol.UnsupportedType
	if m.Answer {
		code = protocol.BadAnswer
	}
	return m, protocol.Errorf(code, "cannot read a message of type %q: want application/json", m.Type)
}
