package upstream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// GRPC calls servers over gRPC.
type GRPC struct {
	options Options

	mu     sync.Mutex
	closed bool
	pools  sync.Map // Server -> *pool
}

// connsPerHost spreads the calls to one server over several connections: one
// HTTP/2 connection has a single writer and a single reader.
const connsPerHost = 4

type pool struct {
	conns [connsPerHost]*grpc.ClientConn
	turn  atomic.Uint32
}

// NewGRPC makes a caller with connections of its own, which are made when
// first needed.
func NewGRPC(o Options) *GRPC { return &GRPC{options: o} }

// Close ends all connections.
func (g *GRPC) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	var errs []error
	g.pools.Range(func(_, v any) bool {
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
	conn, err := g.conn(to)
	if err != nil {
		return message.Message{}, protocol.Coded(protocol.Unreachable, err)
	}
	call := ctx
	if g.options.Timeout > 0 {
		var cancel context.CancelFunc
		call, cancel = context.WithTimeout(ctx, g.options.Timeout)
		defer cancel()
	}
	var answer Frame
	var header, trailer metadata.MD
	if err := conn.Invoke(call, to.Path, &Frame{Body: m.Body, Tail: m.Tail, Parts: m.Parts}, &answer, grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		return message.Message{}, failed(ctx, err)
	}
	if m.Meta == nil || m.Meta.Lease == nil {
		return message.Message{Body: answer.Whole(), Answer: true, Meta: m.Meta}, nil
	}
	if answer.Parts != nil {
		m.Meta.Lease.Hold(answer.Parts)
	} else if err := m.Meta.Lease.Take(int64(len(answer.Body))); err != nil {
		return message.Message{}, fault(ctx, err)
	}
	return message.Message{Body: answer.Body, Parts: answer.Parts, Answer: true, Header: header, Trailer: trailer, Meta: m.Meta}, nil
}

// Ask is Send: over gRPC a question is a call like any other.
func (g *GRPC) Ask(ctx context.Context, to *Target, m message.Message) (message.Message, error) {
	answer, err := g.Send(ctx, to, m)
	return answer.Whole(), err
}

func (g *GRPC) conn(to *Target) (*grpc.ClientConn, error) {
	p, ok := g.pools.Load(to.key)
	if !ok {
		var err error
		if p, err = g.dial(to.Server); err != nil {
			return nil, err
		}
	}
	open := p.(*pool)
	return open.conns[open.turn.Add(1)%connsPerHost], nil
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
	p := &pool{}
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
