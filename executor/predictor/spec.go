package predictor

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

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
