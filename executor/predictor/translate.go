package predictor

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// translated calls a node whose server speaks another protocol by a request
// in the client's.
func (c *caller) translated(ctx context.Context, n *node, call graph.Call, m message.Message) (message.Message, error) {
	request, exchange, err := c.rewritten(ctx, n, m)
	if err != nil {
		return m, err
	}
	answer, err := c.forward(ctx, n, call, request)
	if err != nil {
		n.spec[c.transport].forget()
		return m, c.refused(n, err)
	}
	if answer, err = plain(answer); err != nil {
		n.unusable(c.transport, call)
		return m, err
	}
	back, err := exchange.Response(answer)
	if err != nil {
		n.unusable(c.transport, call)
		return m, untranslated(protocol.BadAnswer, fmt.Errorf("cannot translate the answer from protocol %s: %w", n.speaks.Name, err))
	}
	return back, nil
}

// rewritten puts m into the form that the node's server takes.
func (c *caller) rewritten(ctx context.Context, n *node, m message.Message) (out message.Message, x *translate.Exchange, err error) {
	if verb := m.Meta.Model.Verb; verb != "" {
		return out, x, protocol.Errorf(protocol.Unimplemented, "a %s request cannot be translated from protocol %s to %s",
			verb, c.predictor.options.Outside.Name, n.speaks.Name)
	}
	o := n.translation
	o.Chained = m.Answer
	if o.Spec, err = n.spec[c.transport].load(ctx, func() (*translate.Spec, error) { return c.askSpec(ctx, n, m) }); err != nil {
		return out, x, err
	}
	out, x, err = translate.Request(m, c.outside.Form, n.dialect(c.transport).Form, o)
	if err != nil {
		code := protocol.Invalid
		if m.Answer {
			code = protocol.BadAnswer
		}
		return out, x, untranslated(code, fmt.Errorf("cannot translate the request to protocol %s: %w", n.speaks.Name, err))
	}
	return out, x, nil
}

// untranslated gives an error of package translate its code, and takes from
// it the name of the node, which every error of a node gets by its place.
func untranslated(code protocol.Code, err error) error {
	var e *translate.Error
	if errors.As(err, &e) {
		before := strings.TrimSuffix(err.Error(), e.Error())
		text := e.Reason
		if e.Tensor != "" {
			text = fmt.Sprintf("%q: %s", e.Tensor, e.Reason)
		}
		err = errors.New(before + text)
	}
	return protocol.Coded(code, err)
}

// refused puts a refusal of the node's server into the words of the client's
// protocol.
func (c *caller) refused(n *node, err error) error {
	var r *protocol.Refusal
	var e *protocol.Error
	if !errors.As(err, &r) || !errors.As(err, &e) {
		return err
	}
	text := fmt.Sprintf("node %q: %s", n.name, reason(n.speaks.FailureText(r.Body), r.Body))
	return e.Instead(&protocol.Refusal{Status: r.Status, Message: message.Message{
		Body: c.predictor.options.Outside.Failure(r.Status, text), Type: "application/json", Answer: true, Meta: r.Meta,
	}})
}

// reason is what a failure says: its message, or else its text, of which only
// the last line counts in a traceback of Python.
func reason(message string, body []byte) string {
	if message != "" {
		return message
	}
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "Traceback (most recent call last)") {
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	return text
}

// readable checks that a message is one that can be understood, which only
// translation needs. Clients that state no type, or the one that curl states
// by default, are taken to mean JSON if the body looks so.
func (c *caller) readable(m message.Message) (message.Message, error) {
	m, err := plain(m)
	if err != nil || c.transport == protocol.GRPC {
		return m, err
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

// plain undoes the compression of a message that has to be read.
func plain(m message.Message) (message.Message, error) {
	switch m.Encoding {
	case "", "identity":
		m.Encoding = ""
		return m, nil
	case "gzip":
	default:
		return m, protocol.Errorf(unreadable(m), "cannot read Content-Encoding %q: want gzip or none", m.Encoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(m.Body))
	if err != nil {
		return m, protocol.Errorf(unreadable(m), "reading gzip: %w", err)
	}
	body, err := m.Meta.Lease.ReadAll(r, min(int64(len(m.Body))*4, m.Meta.Limit), m.Meta.Limit)
	switch {
	case errors.Is(err, message.ErrTooLarge) && !m.Answer:
		return m, protocol.Errorf(protocol.TooLarge, "unpacked, the request body is larger than the limit of %d bytes (--max_request_bytes)", m.Meta.Limit)
	case err != nil:
		return m, protocol.Errorf(unreadable(m), "reading gzip: %w", err)
	}
	m.Body, m.Encoding = body, ""
	return m, nil
}

func unreadable(m message.Message) protocol.Code {
	if m.Answer {
		return protocol.BadAnswer
	}
	return protocol.UnsupportedType
}
