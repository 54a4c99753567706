package program

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/telemetry"
)

// access writes a line for each request to one service, besides what another
// observer does with it.
type access struct {
	log       *slog.Logger
	transport protocol.Transport
	service   string
	// next is nil if there is no other.
	next server.Observer
}

type puidOf struct{}

// Begin keeps the request's id for its line.
func (a *access) Begin(ctx context.Context, puid string, header *message.Header) context.Context {
	if a.next != nil {
		ctx = a.next.Begin(ctx, puid, header)
	}
	return context.WithValue(ctx, puidOf{}, puid)
}

// End writes the line.
func (a *access) End(ctx context.Context, start time.Time, code int) {
	if a.next != nil {
		a.next.End(ctx, start, code)
	}
	var status any = code
	if a.transport == protocol.GRPC {
		status = codes.Code(code).String() //nolint:gosec // it was one
	}
	puid, _ := ctx.Value(puidOf{}).(string)
	fields := []any{"service", a.service, "status", status, "duration_ms", time.Since(start).Milliseconds(), "puid", puid}
	if id := telemetry.TraceID(ctx); id != "" {
		fields = append(fields, "trace_id", id)
	}
	a.log.Info("request", fields...)
}

// logAccess has a server write a line for each request, if that is wanted.
func logAccess(wanted bool, s *server.Options) {
	if !wanted {
		return
	}
	others := s.Observe
	s.Observe = func(transport protocol.Transport, service, method string) server.Observer {
		a := &access{log: s.Log, transport: transport, service: service}
		if others != nil {
			a.next = others(transport, service, method)
		}
		return a
	}
}
