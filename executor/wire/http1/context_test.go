package http1

import (
	"context"
	"slices"
	"testing"
)

// TestWaitsAreOfOneRequest ends requests one after the other in one context: each end
// interrupts the connections on which that request waits, and no other's.
func TestWaitsAreOfOneRequest(t *testing.T) {
	r := &requestContext{base: context.Background()}
	for round := range 3 {
		r.begin()
		interrupted := make([]int, 4)
		conns := make([]*Conn, len(interrupted))
		for i := range conns {
			conns[i] = &Conn{interrupt: func() { interrupted[i]++ }}
			if !r.wait(conns[i]) {
				t.Fatalf("round %d: connection %d waits for a request that has ended", round, i)
			}
		}
		for _, i := range []int{2, 0} {
			if !r.waited(conns[i]) {
				t.Errorf("round %d: connection %d was interrupted", round, i)
			}
		}
		r.end()
		if want := []int{0, 1, 0, 1}; !slices.Equal(interrupted, want) {
			t.Errorf("round %d: interrupted are %v, want %v", round, interrupted, want)
		}
		if r.waited(conns[1]) || r.wait(conns[0]) {
			t.Errorf("round %d: the request has ended, and a connection has not heard of it", round)
		}
		for _, c := range r.more[:cap(r.more)] {
			if c != nil {
				t.Errorf("round %d: a connection is kept that nobody waits for", round)
			}
		}
	}
}
