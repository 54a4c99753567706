package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// What went wrong with a call gets its code here, where it enters. Those who
// repeat a call, answer in its place, count it or tell of it ask the code.

// fault is an error of the network. ctx is that of the client's request,
// without the call's own deadline.
func fault(ctx context.Context, err error) *protocol.Error {
	var network net.Error
	switch {
	case errors.Is(err, message.ErrFull):
		return protocol.Coded(protocol.Exhausted, err)
	case errors.Is(err, message.ErrTooLarge), errors.Is(err, message.ErrNever):
		return protocol.Coded(protocol.BadAnswer, err)
	case errors.Is(ctx.Err(), context.Canceled):
		return protocol.Coded(protocol.Canceled, err)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return protocol.Coded(protocol.Timeout, err)
	}
	return protocol.Coded(protocol.Unreachable, err)
}

// failed is a call over gRPC that did not end with OK. What a server answers
// and what stands for no answer look alike: UNAVAILABLE, DEADLINE_EXCEEDED and
// CANCELLED are taken for the latter.
func failed(ctx context.Context, err error) *protocol.Error {
	s, ok := protocol.StatusOf(err)
	if !ok {
		return fault(ctx, err)
	}
	code := protocol.Refused
	switch c := s.Code(); {
	case c == codes.Unavailable:
		code = protocol.Unreachable
	case c == codes.DeadlineExceeded:
		code = protocol.Timeout
	case c == codes.Canceled:
		code = protocol.Canceled
	case protocol.OfClient(c):
		code = protocol.Declined
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		code = protocol.Canceled
	}
	var after time.Duration
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			after = info.GetRetryDelay().AsDuration()
		}
	}
	return protocol.Coded(code, err).After(after)
}

// refused is an answer over HTTP with a status other than 200.
func refused(status int, m message.Message) *protocol.Error {
	code := protocol.Declined
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusBadGateway, status == http.StatusServiceUnavailable:
		code = protocol.NotNow
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		code = protocol.Refused
	}
	return protocol.Coded(code, &protocol.Refusal{Status: status, Message: m})
}

// Lost reports whether a call failed since its connection ended while the
// server may have had the request: not because no connection could be made.
func Lost(err error) bool {
	var making *net.OpError
	if protocol.CodeOf(err) != protocol.Unreachable || errors.As(err, &making) && making.Op == "dial" {
		return false
	}
	if s, ok := protocol.StatusOf(err); ok {
		// A status is the server's own unless it is in gRPC's words for this.
		return strings.Contains(s.Message(), "error reading from server")
	}
	return true
}
