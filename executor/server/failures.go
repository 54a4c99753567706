package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/wording"
)

// Failures of either kind are logged so often: a few at once, and then so many a
// second.
const (
	failuresAtOnce  = 20
	failuresASecond = 10
)

// failures logs the requests that failed, a line each. Those that are the fault
// of clients do not take the place of those that are not: each kind has a rate
// of its own, and a line says how many of its kind were left out before it.
type failures struct {
	log   *slog.Logger
	trace func(ctx context.Context) string
	kinds [2]struct {
		rate    *rate.Limiter
		leftOut atomic.Int64
	}
}

func newFailures(o *Options) *failures {
	f := &failures{log: o.Log, trace: o.Trace}
	for i := range f.kinds {
		f.kinds[i].rate = rate.NewLimiter(failuresASecond, failuresAtOnce)
	}
	return f
}

// request is what is known of a request when it has failed.
type request struct {
	// service is what metrics call it by, path what was asked over REST.
	service, path, puid string
	start               time.Time
}

// tell logs a request that ended with err, which its client was told by a status
// of HTTP or the name of a code of gRPC; ofClient says whose fault it was.
func (f *failures) tell(ctx context.Context, r request, err error, status any, ofClient bool) {
	kind := &f.kinds[0]
	if ofClient {
		kind = &f.kinds[1]
	}
	if !kind.rate.Allow() {
		kind.leftOut.Add(1)
		return
	}
	node, call := protocol.Where(err)
	fields := []any{"service", r.service, "status", status, "reason", protocol.CodeOf(err).String(), "duration_ms", time.Since(r.start).Milliseconds()}
	for _, field := range [...][2]string{{"path", r.path}, {"puid", r.puid}, {"node", node}, {"call", call}, {"error", words(err)}} {
		if field[1] != "" {
			fields = append(fields, field[0], wording.Cut(field[1], mostLogged))
		}
	}
	var panicked interface {
		error
		Stack() string
	}
	if errors.As(err, &panicked) {
		fields = append(fields, "stack", panicked.Stack())
	}
	if f.trace != nil {
		if id := f.trace(ctx); id != "" {
			fields = append(fields, "trace_id", id)
		}
	}
	if n := kind.leftOut.Swap(0); n > 0 {
		fields = append(fields, "left_out", n)
	}
	f.log.Warn("request failed", fields...)
}

// mostLogged bounds what a line has of a text: clients choose paths and ids, and
// these may be as long as a header. Texts of errors are shorter.
const mostLogged = 2048

// words are the text of an error of the executor's. What a node itself answered is
// not quoted: it may hold what no log should.
func words(err error) string {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		return ""
	}
	if _, answered := protocol.StatusOf(err); answered {
		return ""
	}
	return protocol.Text(err)
}

// ofClient reports whether a status is no fault of ours: the client's, or it has
// left.
func ofClient(c codes.Code) bool { return c == codes.Canceled || protocol.OfClient(c) }
