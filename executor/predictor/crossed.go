package predictor

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
)

// crossed sends over REST what came over gRPC, where the node's server speaks REST
// alone: the request's metadata are headers there.
func (l *lane) crossed(next link) link {
	if l.wire == l.transport {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		meta := *m.Meta
		header := http.Header{}
		if md, ok := metadata.FromOutgoingContext(ctx); ok {
			for name, values := range md {
				if !ofWire(name) {
					header[http.CanonicalHeaderKey(name)] = values
				}
			}
		}
		meta.Header = message.NewHeader(header)
		sent := m.Whole()
		sent.Meta = &meta
		answer, err := next(ctx, sent)
		answer.Meta = m.Meta
		told := map[string][]string{}
		for name, values := range answer.Header {
			if !ofWire(name) {
				told[strings.ToLower(name)] = values
			}
		}
		answer.Header = told
		return answer, err
	}
}

// ofWire reports whether a header belongs to one transport, and is not handed on to
// the other: gRPC's own, bytes, and what says how the body comes.
func ofWire(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "te", "user-agent", "host", "date", "server":
		return true
	}
	return strings.HasPrefix(name, ":") || strings.HasPrefix(name, "grpc-") || strings.HasSuffix(name, "-bin")
}

// statusOf is a status of HTTP as the code that gRPC has for it.
func statusOf(status int) codes.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	return codes.Internal
}

// routed is the route of the node's server, as the server tells; empty: it has not.
func (l *lane) routed() string {
	k := l.specs.usual.known.Load()
	if k == nil || k.spec == nil || k.spec.Route == nil {
		return ""
	}
	return k.spec.Route.Path
}
