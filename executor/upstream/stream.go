package upstream

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Relay joins a client's stream and one to a server, message by message in
// both directions, until the server ends its own. each makes of a message what
// the server is sent. The timeout of a call does not count: how long a stream
// lasts is for its client to say.
func (g *GRPC) Relay(ctx context.Context, to *Target, client protocol.Stream, each func(message.Message) message.Message) error {
	conn, err := g.conn(to)
	if err != nil {
		return protocol.Coded(protocol.Unreachable, err)
	}
	call, end := context.WithCancelCause(ctx)
	defer end(nil)
	server, err := conn.NewStream(call, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, to.Path)
	if err != nil {
		return failed(ctx, err)
	}
	go func() {
		if err := pump(client, server, each); err != nil {
			end(err)
		}
	}()
	for {
		var f Frame
		err := server.RecvMsg(&f)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil:
			err = client.Send(message.Message{Body: f.Whole(), Answer: true})
		case call.Err() != nil && ctx.Err() == nil:
			err = context.Cause(call)
		default:
			err = failed(ctx, err)
		}
		if err != nil {
			return err
		}
	}
}

// pump sends on what the client sends, to its end. A panic would end the
// process, since nobody else is on this goroutine.
func pump(client protocol.Stream, server grpc.ClientStream, each func(message.Message) message.Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = protocol.Errorf(protocol.Internal, "panic: %v", v)
		}
	}()
	for {
		m, err := client.Receive()
		if errors.Is(err, io.EOF) {
			return server.CloseSend()
		}
		if err != nil {
			return err
		}
		lease := m.Meta.Lease
		m = each(m)
		err = server.SendMsg(&Frame{Body: m.Body, Tail: m.Tail})
		lease.Release()
		if err != nil {
			// What is wrong with the stream is told to its reader.
			return nil
		}
	}
}
