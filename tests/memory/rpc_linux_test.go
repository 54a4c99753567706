package memory

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
)

// bytesCodec sends and receives bytes as they are, without a copy.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

// rpcComponent answers a message that holds "echo" by itself, "large" by large,
// and others by nothing.
func rpcComponent(t *testing.T, large []byte) int32 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.ForceServerCodecV2(bytesCodec{}), grpc.MaxRecvMsgSize(math.MaxInt32), grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			var body []byte
			if err := stream.RecvMsg(&body); err != nil {
				return err
			}
			answer := []byte{}
			switch start := string(body[:min(len(body), 64)]); {
			case strings.Contains(start, "echo"):
				answer = body
			case strings.Contains(start, "large"):
				answer = large
			}
			return stream.SendMsg(answer)
		}))
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return int32(l.Addr().(*net.TCPAddr).Port)
}

// binary is a seldon message with so many bytes that begin by text.
func binary(text string, size int) []byte {
	head := protowire.AppendVarint(protowire.AppendTag(nil, 4, protowire.BytesType), uint64(size))
	return append(append(head, text...), make([]byte, size-len(text))...)
}

func call(ctx context.Context, t *testing.T, e *executor, body []byte) (answered int, err error) {
	t.Helper()
	conn, err := grpc.NewClient(e.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{}), grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var answer []byte
	err = conn.Invoke(ctx, seldon.Seldon_Predict_FullMethodName, body, &answer)
	return len(answer), err
}

// TestWhatAMessageTakesRPC is [TestWhatAMessageTakes] over gRPC.
func TestWhatAMessageTakesRPC(t *testing.T) {
	port := rpcComponent(t, binary("", 200*mega))
	e := begin(t, "seldon", graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", GRPCPort: port}})
	for _, c := range []struct {
		name  string
		body  []byte
		size  int64
		times float64
	}{
		{"99 MB are forwarded", binary("x", 99*mega), 99 * mega, 1.3},
		{"99 MB there and back", binary("echo", 99*mega), 198 * mega, 1.3},
		{"200 MB are answered", binary("large", 10), 200 * mega, 1.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			took := e.taking(t, func() { _, err = call(t.Context(), t, e, c.body) })
			t.Logf("%d MB, %.2f times the message", took/mega, float64(took)/float64(c.size))
			if err != nil {
				t.Error(err)
			}
			if float64(took) > c.times*float64(c.size)+8*mega {
				t.Errorf("it took %d MB, more than %.1f times %d MB", took/mega, c.times, c.size/mega)
			}
		})
	}
}

// TestManyLargeMessagesRPC is [TestManyLargeMessages] over gRPC.
func TestManyLargeMessagesRPC(t *testing.T) {
	port := rpcComponent(t, nil)
	node := graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", GRPCPort: port}}
	t.Run("a port of its own", func(t *testing.T) { manyRPC(t, begin(t, "seldon", node)) })
	t.Run("one port", func(t *testing.T) {
		e := begin(t, "seldon", node, "--one_port")
		e.grpc = strings.TrimPrefix(e.url, "http://")
		manyRPC(t, e)
	})
}

func manyRPC(t *testing.T, e *executor) {
	clients, size := many()
	size -= mega // the limit counts the message's own head
	resetPeak(t, e.pid)
	body := binary("echo", int(size))
	results := make(chan error, clients)
	for range clients {
		go func() {
			n, err := call(t.Context(), t, e, body)
			if err == nil && n != len(body) {
				t.Errorf("an answer has %d bytes", n)
			}
			results <- err
		}()
	}
	count := map[codes.Code]int{}
	for range clients {
		err := <-results
		count[status.Code(err)]++
		if c := status.Code(err); c != codes.OK && c != codes.ResourceExhausted {
			t.Error(err)
		}
	}
	e.survived(t)
	_, most := resident(t, e.pid)
	t.Logf("%d clients with %d MB each: %v; the executor took %d MB at most", clients, size/mega, count, most/mega)
	if count[codes.OK] == 0 {
		t.Error("nobody was answered")
	}
	if _, err := call(t.Context(), t, e, nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
