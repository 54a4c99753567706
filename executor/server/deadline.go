package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Headers in which a client says how long it waits for the answer, in
// milliseconds. The second is what Envoy, and so Istio and many gateways, tell
// of the timeout of an operation.
const (
	timeoutHeader      = "X-Request-Timeout-Ms"
	envoyTimeoutHeader = "X-Envoy-Expected-Rq-Timeout-Ms"
)

var timeoutHeaders = [...]string{timeoutHeader, envoyTimeoutHeader}

// deadline bounds a request by the time that its client is willing to wait. Over
// gRPC that time is part of the protocol; over HTTP it is in timeoutHeaders. Nodes
// get what is left of it in the same headers.
func deadline(r *http.Request, meta *message.Meta) (context.Context, context.CancelFunc, error) {
	ctx := r.Context()
	least := time.Duration(-1)
	for _, name := range timeoutHeaders {
		text := value(r.Header, name)
		if text == "" {
			continue
		}
		ms, err := strconv.ParseInt(text, 10, 32)
		if err != nil || ms <= 0 {
			if name == envoyTimeoutHeader {
				continue // A proxy's; 0 is "no timeout" there.
			}
			return ctx, func() {}, protocol.Errorf(protocol.Invalid, "header %s is %q: want milliseconds, a number above 0", name, text)
		}
		if d := time.Duration(ms) * time.Millisecond; least < 0 || d < least {
			least = d
		}
		meta.Timeouts = append(meta.Timeouts, name)
	}
	if least < 0 {
		return ctx, func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, least)
	return ctx, cancel, nil
}

// timed answers a request within the time that its client allows.
func (s *rest) timed(r *http.Request, m message.Message, answer answerer) (message.Message, error) {
	ctx, cancel, err := deadline(r, m.Meta)
	defer cancel()
	if err != nil {
		return m, err
	}
	return answer(ctx, protocol.REST, m)
}

// retryAfter is how long a client that found no slot should wait before it asks
// again. Slots become free within the time of one request.
const retryAfter = time.Second
