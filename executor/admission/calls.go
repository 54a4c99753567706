package admission

import (
	"sync"
	"time"

	"github.com/prime-radiant/radiant/scaling"
)

// Calls count the calls on nodes in pods of their own.
type Calls struct {
	now func() time.Time

	mu    sync.Mutex
	nodes map[string]*scaling.Meter
}

// NewCalls makes a count of none.
func NewCalls(now func() time.Time) *Calls {
	return &Calls{now: now, nodes: map[string]*scaling.Meter{}}
}

// Node is the count of the calls on a node.
func (c *Calls) Node(name string) *scaling.Meter {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.nodes[name]
	if m == nil {
		m = scaling.NewMeter(c.now)
		c.nodes[name] = m
	}
	return m
}

// Loads are those of all nodes, by their names, until a time that was read just before;
// nil: there is none.
func (c *Calls) Loads(at time.Time) map[string]scaling.Load {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.nodes) == 0 {
		return nil
	}
	loads := make(map[string]scaling.Load, len(c.nodes))
	for name, m := range c.nodes {
		loads[name] = m.LoadAt(at)
	}
	return loads
}
