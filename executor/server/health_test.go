package server

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/health/grpc_health_v1"
)

// probed counts how often its readiness is asked for.
type probed struct {
	engine
	times atomic.Int64
}

func (p *probed) Ready(context.Context) error {
	p.times.Add(1)
	return nil
}

// Many who watch cost no more than one, and learn of the end.
func TestWatchedTogether(t *testing.T) {
	e := &probed{}
	h := &health{rpc: &rpc{options: Options{Engine: e}, draining: new(atomic.Bool)}}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if s := h.watched(); s != grpc_health_v1.HealthCheckResponse_SERVING {
				t.Errorf("state is %v", s)
			}
		})
	}
	all.Wait()
	if n := e.times.Load(); n > 5 {
		t.Errorf("readiness was asked for %d times", n)
	}
	h.rpc.draining.Store(true)
	if s := h.watched(); s != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("state at the end is %v", s)
	}
}
