package program

import (
	"cmp"
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/logqueue"
	"github.com/prime-radiant/radiant/executor/memory"
)

// messageMemory is the memory for messages, by the settings or by the limit of
// the container. Until ctx ends, what waiting connections do not need is given
// back.
func messageMemory(ctx context.Context, c *config.Config) (*memory.Budget, *memory.Regions) {
	go memory.ShrinkStacks(ctx)
	limit := memory.Limit("/")
	regions := &memory.Regions{}
	if limit > 0 && !c.HeapBound {
		regions.Watch = memory.BoundHeap(limit)
	}
	return memory.NewBudget(cmp.Or(c.InFlight.Bytes, memory.DefaultBudget(limit))), regions
}

// counts are metrics of what has no house of its own.
type counts struct {
	resent, slow prometheus.Counter
	shown        []prometheus.Collector
}

func newCounts(b *memory.Budget, lines *logqueue.Queue) *counts {
	options := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Name: "radiant_executor_" + name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(options(name, help)))
	}
	c := &counts{
		resent: counter("resent_total", "Requests to a node sent once more since the node had closed the kept connection before it took any of them"),
		slow:   counter("slow_clients_total", "Connections of clients cut off since too little was sent or read on them"),
	}
	c.shown = []prometheus.Collector{
		c.resent, c.slow,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("message_bytes", "Memory that messages under way take")),
			func() float64 { used, _, _ := b.State(); return float64(used) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("message_bytes_limit", "Memory that messages under way may take; 0: no bound")),
			func() float64 { return float64(b.Limit()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts(options("messages_waiting", "Messages that wait for memory")),
			func() float64 { _, waiting, _ := b.State(); return float64(waiting) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts(options("message_rejections_total", "Messages that found no memory")),
			func() float64 { _, _, refused := b.State(); return float64(refused) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts(options("log_lines_dropped_total", "Lines of the log that nobody took in time")),
			func() float64 { return float64(lines.Dropped()) }),
	}
	return c
}

func (c *counts) register(to prometheus.Registerer) { to.MustRegister(c.shown...) }
