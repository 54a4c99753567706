package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// health answers gRPC's own health checks, as /ready does those over REST.
type health struct {
	grpc_health_v1.UnimplementedHealthServer
	rpc *rpc

	// seen is the state that all watchers get. It was looked up at the time looked.
	mu     sync.Mutex
	looked time.Time
	seen   grpc_health_v1.HealthCheckResponse_ServingStatus
}

func (h *health) Check(ctx context.Context, r *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if !h.serves(r.Service) {
		return nil, status.Errorf(codes.NotFound, "service %q is not served", r.Service)
	}
	return &grpc_health_v1.HealthCheckResponse{Status: h.state(ctx)}, nil
}

// watchInterval is how often a watched state is looked at, watchTimeout how long
// that may take, and so hold up the end of the executor.
const (
	watchInterval = 2 * time.Second
	watchTimeout  = 10 * time.Second
)

// Watch tells the state now and whenever it has changed. It ends when the
// executor does, so as not to hold it up.
func (h *health) Watch(r *grpc_health_v1.HealthCheckRequest, stream grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	told := grpc_health_v1.HealthCheckResponse_UNKNOWN
	for {
		now := grpc_health_v1.HealthCheckResponse_SERVICE_UNKNOWN
		if h.serves(r.Service) {
			now = h.watched()
		}
		if now != told {
			if err := stream.Send(&grpc_health_v1.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			told = now
		}
		if h.rpc.draining.Load() {
			return status.Error(codes.Unavailable, "draining")
		}
		select {
		case <-ticker.C:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}

// watched is the state as of not long ago: however many watch, nodes are asked
// once in a while.
func (h *health) watched() grpc_health_v1.HealthCheckResponse_ServingStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rpc.draining.Load() || time.Since(h.looked) >= watchInterval/2 {
		ctx, cancel := context.WithTimeout(context.Background(), watchTimeout)
		defer cancel()
		h.seen, h.looked = h.state(ctx), time.Now()
	}
	return h.seen
}

func (h *health) serves(service string) bool {
	return service == "" || slices.ContainsFunc(h.rpc.options.Protocol.Methods, func(m protocol.Method) bool { return m.Service == service })
}

func (h *health) state(ctx context.Context) grpc_health_v1.HealthCheckResponse_ServingStatus {
	if h.rpc.ready(ctx) != nil {
		return grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	return grpc_health_v1.HealthCheckResponse_SERVING
}
