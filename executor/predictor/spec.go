package predictor

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// specCache keeps what a server said of its model. It is asked when the first
// request needs it, and again after a failed call, since a server may have
// loaded another model by then.
type specCache struct {
	known atomic.Pointer[knownSpec]
	// turn lets one request ask while others wait.
	turn chan struct{}
}

// knownSpec is an answer; a nil spec means that the server cannot tell.
type knownSpec struct{ spec *translate.Spec }

func newSpecCache() *specCache { return &specCache{turn: make(chan struct{}, 1)} }

func (c *specCache) forget() { c.known.Store(nil) }

// load returns the spec, asking for it if need be. A server that cannot be
// asked right now yields nil: the call itself will show what is wrong with it.
func (c *specCache) load(ctx context.Context, ask func() (*translate.Spec, error)) (*translate.Spec, error) {
	if k := c.known.Load(); k != nil {
		return k.spec, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if k := c.known.Load(); k != nil {
		return k.spec, nil
	}
	spec, err := ask()
	var unanswered *askError
	switch {
	case errors.As(err, &unanswered):
		if unanswered.final {
			c.known.Store(&knownSpec{})
		}
		return nil, nil
	case err != nil:
		return nil, err
	}
	c.known.Store(&knownSpec{spec})
	return spec, nil
}

// askError is a question that got no answer; final: nor will it.
type askError struct {
	error
	final bool
}

func (l *lane) askSpec(ctx context.Context, m message.Message) (*translate.Spec, error) {
	if !l.speaks.Describes {
		return nil, &askError{error: errors.ErrUnsupported, final: true}
	}
	d := l.dialect()
	path, body := d.Query(protocol.QueryMetadata, message.Model{Name: l.model})
	if path == "" || l.server.Host == "" {
		return nil, &askError{error: errors.ErrUnsupported, final: true}
	}
	answer, err := l.question(ctx, protocol.QueryMetadata, path, message.Message{Body: body, Meta: m.Meta})
	if err != nil {
		return nil, &askError{error: err, final: cannotTell(err)}
	}
	if answer, err = protocol.Plain(answer); err != nil {
		return nil, &askError{error: err}
	}
	// The spec outlives the request, whose buffers are used again.
	spec, err := translate.ParseSpec(d.Form, bytes.Clone(answer.Body), l.translation.Signature)
	if err != nil {
		return nil, protocol.Untranslated(protocol.BadAnswer, err)
	}
	return spec, nil
}

// askServer asks for the spec, and whether the server takes what JSON cannot
// spell.
func (l *lane) askServer(ctx context.Context, m message.Message) (*translate.Spec, error) {
	spec, err := l.askSpec(ctx, m)
	if err == nil {
		spec.Binary = l.takesBinary(ctx, m)
	}
	return spec, err
}

// takesBinary asks whether the server takes what JSON cannot spell. One that
// does not tell is taken to know JSON alone.
func (l *lane) takesBinary(ctx context.Context, m message.Message) bool {
	path := l.dialect().Extensions
	if path == "" || l.translation.MLServer != translate.NoRuntime {
		return false
	}
	answer, err := l.question(ctx, protocol.QueryMetadata, path, message.Message{Meta: m.Meta})
	if err == nil {
		answer, err = protocol.Plain(answer)
	}
	return err == nil && translate.TakesBinary(answer.Body)
}

// cannotTell reports whether the server has no metadata to offer at all.
func cannotTell(err error) bool {
	var r *protocol.Refusal
	if errors.As(err, &r) {
		return r.Status == http.StatusNotFound || r.Status == http.StatusMethodNotAllowed || r.Status == http.StatusNotImplemented
	}
	s, ok := protocol.StatusOf(err)
	return ok && s.Code() == codes.Unimplemented
}
