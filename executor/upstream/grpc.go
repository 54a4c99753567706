package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/wire/http2"
)

// GRPC calls servers over gRPC.
type GRPC struct {
	options Options
	// leases are for calls that have none.
	leases message.Pool

	mu     sync.Mutex
	closed bool
	pools  sync.Map // Server -> *pool
}

// connsPerHost spreads the calls to one server over several connections: one
// HTTP/2 connection has a single writer and a single reader.
const connsPerHost = 4

// pool is how one server is called: unary calls by a wire of our own, streams by
// grpc-go.
type pool struct {
	calls *http2.Client
	conns [connsPerHost]*grpc.ClientConn
	turn  atomic.Uint32
}

// NewGRPC makes a caller with connections of its own, which are made when
// first needed.
func NewGRPC(o Options) *GRPC {
	g := &GRPC{options: o}
	if o.Budget != nil {
		g.leases.Budget = o.Budget
	}
	return g
}

// Close ends all connections.
func (g *GRPC) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	var errs []error
	g.pools.Range(func(_, v any) bool {
		v.(*pool).calls.Close()
		for _, c := range v.(*pool).conns {
			errs = append(errs, c.Close())
		}
		return true
	})
	return errors.Join(errs...)
}

// Send calls a unary method. The context carries the metadata. A status that
// the server answered is in the error as it came.
func (g *GRPC) Send(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	p, err := g.pool(to)
	if err != nil {
		return message.Message{}, protocol.Coded(protocol.Unreachable, err)
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	r := http2.Request{Path: to.Path, Fields: http2.FieldsOf(md), Message: m.Pieces(), Timeout: g.options.Timeout}
	if m.Meta == nil || m.Meta.Lease == nil {
		// Nobody keeps the memory of the answer.
		r.Lease = g.leases.Lease()
		defer r.Lease.Release()
	} else {
		r.Lease = m.Meta.Lease
	}
	answer, refused := p.calls.Call(ctx, &r)
	if refused != nil {
		return message.Message{}, failed(ctx, statusOf(refused).Err())
	}
	out := message.Message{Body: answer.Message, Answer: true, Header: http2.HeaderOf(answer.Header), Trailer: http2.HeaderOf(answer.Trailer), Meta: m.Meta}
	if m.Meta == nil || m.Meta.Lease == nil {
		out.Body = bytes.Clone(out.Body)
	}
	return out, nil
}

// statusOf is a status with the details that the server sent.
func statusOf(s *http2.Status) *status.Status {
	if s.Details != nil {
		var told spb.Status
		if proto.Unmarshal(s.Details, &told) == nil && told.GetCode() == int32(s.Code) { //nolint:gosec // codes are small
			return status.FromProto(&told)
		}
	}
	return status.New(codes.Code(s.Code), s.Message)
}

// Ask is Send: over gRPC a question is a call like any other.
func (g *GRPC) Ask(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	answer, err := g.Send(ctx, to, m)
	return answer.Whole(), err
}

func (g *GRPC) pool(to *Target) (*pool, error) {
	p, ok := g.pools.Load(to.key)
	if !ok {
		return g.dial(to.Server)
	}
	return p.(*pool), nil
}

// conn is a connection for a stream.
func (g *GRPC) conn(to *Target) (*grpc.ClientConn, error) {
	p, err := g.pool(to)
	if err != nil {
		return nil, err
	}
	return p.conns[p.turn.Add(1)%connsPerHost], nil
}

func (g *GRPC) dial(server Server) (*pool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed
	}
	if p, ok := g.pools.Load(server); ok {
		return p.(*pool), nil
	}
	dialer := &net.Dialer{Timeout: dialTimeout}
	secrecy := insecure.NewCredentials()
	if server.TLS {
		secrecy = credentials.NewTLS(g.options.TLS)
	}
	secrecy = Inflow{TransportCredentials: secrecy, Budget: g.options.Budget}
	p := &pool{calls: http2.NewClient(g.clientOptions(server))}
	for i := range p.conns {
		// The name is looked up by the dialer at every new connection.
		conn, err := grpc.NewClient("passthrough:///"+server.Host,
			grpc.WithTransportCredentials(secrecy),
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }),
			grpc.WithDisableServiceConfig(),
			grpc.WithConnectParams(reconnect()),
			grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(4<<20),
			grpc.WithDefaultCallOptions(
				grpc.ForceCodecV2(Codec{}),
				grpc.MaxCallRecvMsgSize(int(min(g.options.MaxResponseBytes, math.MaxInt32))),
				grpc.MaxCallSendMsgSize(math.MaxInt32)))
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", server.Host, err)
		}
		p.conns[i] = conn
	}
	g.pools.Store(server, p)
	return p, nil
}

// reconnect keeps trying at short intervals: a server that restarts is wanted
// again as soon as it listens, not two minutes later.
func reconnect() grpc.ConnectParams {
	return grpc.ConnectParams{
		Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
		MinConnectTimeout: dialTimeout,
	}
}

// agent is what servers are told of who calls.
const agent = "radiant-executor"

// clientOptions are those for unary calls on a server.
func (g *GRPC) clientOptions(server Server) http2.ClientOptions {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return http2.ClientOptions{
		Address: server.Host, Secure: server.TLS, Agent: agent,
		Dial: func(ctx context.Context) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, "tcp", server.Host)
			if err != nil || !server.TLS {
				return conn, err
			}
			return secured(ctx, conn, server.Host, g.options.TLS)
		},
		MaxMessage: g.options.MaxResponseBytes, MaxHeader: maxAnswerHeader, Budget: g.options.Budget,
	}
}

// maxAnswerHeader bounds the header of an answer.
const maxAnswerHeader = 1 << 20
