package server

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// stream serves a method that takes and gives any number of messages.
func (s *rpc) stream(m protocol.Method) grpc.StreamHandler {
	o := s.observer(m, streaming)
	return func(_ any, g grpc.ServerStream) error {
		md, _ := metadata.FromIncomingContext(g.Context()) // a copy
		ctx, meta := s.meta(g.Context(), m, message.Message{}, md)
		if !m.Quiet {
			_ = g.SetHeader(metadata.MD{puidKey: {meta.Puid}})
		}
		start := time.Now()
		if o != nil {
			ctx = o.Begin(ctx, meta.Puid, nil)
		}
		err := s.streamed(ctx, &clientStream{rpc: s, stream: g, method: m, meta: meta})
		if err != nil {
			err = s.failed(ctx, m, request{puid: meta.Puid, start: start}, err)
		}
		if o != nil {
			o.End(ctx, start, int(status.Code(err)))
		}
		return err
	}
}

func (s *rpc) streamed(ctx context.Context, c *clientStream) (err error) {
	defer s.rescue(c.method, &err)
	return s.options.Engine.Stream(ctx, c.method, c)
}

// clientStream makes messages of a client's frames. They share the metadata
// that opened the stream, its puid included.
type clientStream struct {
	rpc    *rpc
	stream grpc.ServerStream
	method protocol.Method
	meta   *message.Meta
}

func (c *clientStream) Receive() (message.Message, error) {
	var f upstream.Frame
	if err := c.stream.RecvMsg(&f); err != nil {
		return message.Message{}, err
	}
	meta := *c.meta
	body := f.Whole()
	meta.Model.Name = protocol.StringAt(body, c.method.Model)
	meta.Model.Version = protocol.StringAt(body, c.method.Version)
	meta.Model.Label = protocol.StringAt(body, c.method.Label)
	meta.Lease = c.rpc.pool.Lease()
	return message.Message{Body: f.Body, Meta: &meta}, nil
}

func (c *clientStream) Send(m message.Message) error {
	m = m.Whole()
	return c.stream.SendMsg(&upstream.Frame{Body: m.Body})
}

var _ protocol.Stream = (*clientStream)(nil)
