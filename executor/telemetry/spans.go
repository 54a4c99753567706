package telemetry

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	rpc "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// spans makes the spans of one kind of request or call.
type spans struct {
	*tracer
	transport protocol.Transport
	name      string
	options   []trace.SpanStartOption
}

// spans is nil where there are no traces.
func (t *tracer) spans(transport protocol.Transport, kind trace.SpanKind, name string, attributes ...attribute.KeyValue) *spans {
	if t == nil {
		return nil
	}
	return &spans{
		tracer: t, transport: transport, name: name,
		options: []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithAttributes(slices.Concat(t.common, attributes)...)},
	}
}

// request begins the span of a client's request, below that of the client if
// its headers name one.
func (s *spans) request(ctx context.Context, puid string, header *message.Header) context.Context {
	if s.transport == protocol.GRPC {
		md, _ := metadata.FromIncomingContext(ctx)
		ctx = s.propagator.Extract(ctx, carrier(md))
	} else {
		ctx = s.propagator.Extract(ctx, propagation.HeaderCarrier(header.Fields()))
	}
	ctx, span := s.tracer.tracer.Start(ctx, s.name, s.options...)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("seldon.puid", puid))
	}
	return ctx
}

func (s *spans) answered(ctx context.Context, code int) {
	span := trace.SpanFromContext(ctx)
	if span.IsRecording() {
		span.SetAttributes(s.status(code))
		if serverFailed(s.transport, code) {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End()
}

// serverFailed tells whether a code is the server's fault.
func serverFailed(t protocol.Transport, code int) bool {
	if t == protocol.REST {
		return code >= http.StatusInternalServerError
	}
	switch rpc.Code(code) { //nolint:gosec // was one
	case rpc.Unknown, rpc.DeadlineExceeded, rpc.Unimplemented, rpc.Internal, rpc.Unavailable, rpc.DataLoss:
		return true
	}
	return false
}

// call begins the span of a call on a node, and names it to the node's server.
// Headers of requests are shared, so that the call gets a copy.
func (s *spans) call(ctx context.Context, m message.Message) (context.Context, message.Message) {
	ctx, span := s.tracer.tracer.Start(ctx, s.name, s.options...)
	if m.Meta.Puid != "" && span.IsRecording() {
		span.SetAttributes(attribute.String("seldon.puid", m.Meta.Puid))
	}
	if s.transport == protocol.GRPC {
		md, _ := metadata.FromOutgoingContext(ctx) // a copy
		if md == nil {
			md = metadata.MD{}
		}
		s.write(ctx, md, carrier(md))
		return metadata.NewOutgoingContext(ctx, md), m
	}
	meta := *m.Meta
	old := meta.Header.Fields()
	header := make(http.Header, len(old)+len(s.fields[protocol.REST]))
	maps.Copy(header, old)
	s.write(ctx, header, propagation.HeaderCarrier(header))
	meta.Header = message.NewHeader(header)
	m.Meta = &meta
	return ctx, m
}

// write puts a trace in the place of whatever trace was there.
func (s *spans) write(ctx context.Context, header map[string][]string, c propagation.TextMapCarrier) {
	for _, name := range s.fields[s.transport] {
		delete(header, name)
	}
	s.propagator.Inject(ctx, c)
}

func (s *spans) ended(ctx context.Context, code int, err error) {
	span := trace.SpanFromContext(ctx)
	if span.IsRecording() {
		if code != 0 || s.transport == protocol.GRPC {
			span.SetAttributes(s.status(code))
		}
		if err != nil {
			span.SetStatus(codes.Error, failure(err))
			span.SetAttributes(attribute.String("error.type", protocol.CodeOf(err).String()))
		}
	}
	span.End()
}

// failure is what a span says of an error. What a node answered may hold
// anything, so that its status has to do.
func failure(err error) string {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		return http.StatusText(refusal.Status)
	}
	return err.Error()
}

func (s *spans) status(code int) attribute.KeyValue {
	if s.transport == protocol.GRPC {
		return attribute.Int("rpc.grpc.status_code", code)
	}
	return attribute.Int("http.response.status_code", code)
}

// carrier is metadata of gRPC, whose names are in lower case.
type carrier metadata.MD

func (c carrier) Get(name string) string {
	if v := c[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (c carrier) Set(name, value string) { c[name] = []string{value} }

func (c carrier) Keys() []string { return slices.Collect(maps.Keys(c)) }
