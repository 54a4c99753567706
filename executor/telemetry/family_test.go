package telemetry

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// A server that makes up a code of gRPC for each answer costs one series.
func TestMadeUpCodes(t *testing.T) {
	tel, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := tel.Calls(Call{Node: "m", Call: "predict", Transport: protocol.GRPC, Method: "unary"})
	for i := range 100 {
		err := status.Error(codes.Code(1_000_000+i), "")
		c.End(t.Context(), time.Now(), message.Message{}, message.Message{}, err)
	}
	if n := testutil.CollectAndCount(tel.client, "seldon_api_executor_client_requests_seconds"); n != 1 {
		t.Errorf("there are %d series, want 1", n)
	}
}
