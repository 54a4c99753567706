package upstream

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

func TestRefusalsHaveTheirCode(t *testing.T) {
	for status, want := range map[int]protocol.Code{
		201: protocol.Declined, 304: protocol.Declined, 400: protocol.Declined, 404: protocol.Declined, 422: protocol.Declined,
		408: protocol.Refused, 500: protocol.Refused, 504: protocol.Refused,
		429: protocol.NotNow, 502: protocol.NotNow, 503: protocol.NotNow,
	} {
		if got := refused(status, message.Message{}); protocol.CodeOf(got) != want {
			t.Errorf("%d has code %d, want %d", status, protocol.CodeOf(got), want)
		}
	}
}

func TestStatusesHaveTheirCode(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for code, want := range map[codes.Code]protocol.Code{
		codes.Unavailable: protocol.Unreachable, codes.DeadlineExceeded: protocol.Timeout, codes.Canceled: protocol.Canceled,
		codes.InvalidArgument: protocol.Declined, codes.NotFound: protocol.Declined, codes.Unauthenticated: protocol.Declined,
		codes.Internal: protocol.Refused, codes.ResourceExhausted: protocol.Refused, codes.Unimplemented: protocol.Refused, codes.Unknown: protocol.Refused,
	} {
		err := status.Error(code, "x")
		if got := protocol.CodeOf(failed(t.Context(), err)); got != want {
			t.Errorf("%v has code %d, want %d", code, got, want)
		}
		if got := protocol.CodeOf(failed(gone, err)); got != protocol.Canceled {
			t.Errorf("%v of a client that went away has code %d", code, got)
		}
		if s, ok := protocol.StatusOf(failed(t.Context(), err)); !ok || s.Code() != code {
			t.Errorf("the status %v became %v", code, s)
		}
	}
	s, err := status.New(codes.Unavailable, "x").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if after := protocol.RetryAfter(failed(t.Context(), s.Err())); after != 3*time.Second {
		t.Errorf("it asks for %v", after)
	}
	if got := protocol.CodeOf(failed(t.Context(), errors.New("no status"))); got != protocol.Unreachable {
		t.Errorf("an error of the network has code %d", got)
	}
}
