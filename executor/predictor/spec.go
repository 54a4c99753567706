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
	model := message.Model{Name: l.model}
	if l.versions != nil {
		model.Version, model.Label = m.Meta.Model.Version, m.Meta.Model.Label
	}
	path, body := d.Query(protocol.QueryMetadata, model)
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

// askServer asks for the spec, and for what the server says of itself: whether
// it takes what JSON cannot spell. One that does not tell is taken to know JSON
// alone.
func (l *lane) askServer(ctx context.Context, m message.Message) (*translate.Spec, error) {
	spec, err := l.askSpec(ctx, m)
	path := l.dialect().Extensions
	if err != nil || path == "" || l.translation.MLServer != translate.NoRuntime {
		return spec, err
	}
	answer, err := l.question(ctx, protocol.QueryMetadata, path, message.Message{Meta: m.Meta})
	if err == nil {
		answer, err = protocol.Plain(answer)
	}
	if err == nil {
		spec.ReadServer(answer.Body)
	}
	return spec, nil
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
