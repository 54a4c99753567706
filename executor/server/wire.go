package server

import (
	"context"
	"crypto/tls"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http2"
)

// wire serves gRPC on a port of its own: unary methods of the protocol by
// themselves, all others by grpc-go.
func (s *rpc) wire() *http2.Server {
	o := &s.options
	unary := map[string]http2.Unary{}
	for _, m := range o.Protocol.Methods {
		if m.Action != protocol.StreamPredict {
			unary["/"+m.Service+"/"+m.Name] = s.unaryMethod(m).wired
		}
	}
	var secrecy *tls.Config
	if o.TLS != nil {
		secrecy = o.TLS.Server("h2")
	}
	return http2.NewServer(http2.Options{
		Unary:      func(path string) http2.Unary { return unary[path] },
		Other:      inflow(s.handler(), o.Budget),
		MaxMessage: o.MaxGRPCBytes,
		MaxHeader:  uint32(o.MaxHeaderBytes), //nolint:gosec // checked by config
		MaxStreams: uint32(o.MaxStreams),     //nolint:gosec // checked by config
		Pool:       &s.pool, Budget: o.Budget,
		LeastRate: o.LeastRate, Slow: o.Slow,
		TLS:      secrecy,
		Panicked: func(v any) { o.Log.Error("panic", "value", v, "stack", string(debug.Stack())) },
	})
}

// wired answers a call that came over the wire.
func (u *unaryMethod) wired(ctx context.Context, c *http2.Call) (a http2.Answer) {
	start := time.Now()
	in := message.Message{Body: c.Message}
	// Who looks at what came gets a copy.
	md := incoming(c)
	ctx, in.Meta = u.meta(metadata.NewIncomingContext(ctx, md), u.Method, in, md)
	in.Meta.Lease = c.Lease
	if !u.Quiet {
		a.Header = []http2.Field{{Name: puidKey, Value: in.Meta.Puid}}
	}
	out, err := u.serve(ctx, start, in)
	a.Header = append(a.Header, u.way(in.Meta)...)
	if err != nil {
		a.Status = failed(err)
		return a
	}
	a.Header = append(a.Header, http2.FieldsOf(u.options.AnswerHeaders.metadata(out.Header))...)
	a.Trailer = http2.FieldsOf(u.options.AnswerHeaders.metadata(out.Trailer))
	a.Message = out.Pieces()
	return a
}

// incoming is the metadata of a call.
func incoming(c *http2.Call) metadata.MD {
	md := http2.HeaderOf(c.Fields)
	if md == nil {
		md = map[string][]string{}
	}
	md[":authority"] = []string{c.Authority}
	if c.Agent != "" {
		md["user-agent"] = []string{c.Agent}
	}
	return md
}

// failed is an error as the wire tells it: a status, or one by the error's code.
func failed(err error) http2.Status {
	s, ok := protocol.StatusOf(err)
	if !ok {
		s = status.New(protocol.CodeOf(err).GRPC(), protocol.Text(err))
	}
	told := http2.Status{Code: uint32(s.Code()), Message: s.Message()}
	if len(s.Proto().GetDetails()) > 0 {
		// What was read as a message can be written as one.
		told.Details, _ = proto.Marshal(s.Proto())
	}
	return told
}
