package main

import (
	"context"
	"fmt"
	"time"
)

// Batching is what policy.batch does for a model that takes one call at a time, and
// as long for each, whatever it holds.
type Batching struct {
	Clients int           `json:"clients"`
	Call    time.Duration `json:"call_nanoseconds"`
	// Without and With are requests a second; Rows is how many of them one call
	// carried.
	Without float64 `json:"without_per_second"`
	With    float64 `json:"with_per_second"`
	Rows    float64 `json:"rows_a_call"`
}

// leastGain is how many times the throughput a batch has to make.
const leastGain = 8

func batching(ctx context.Context, c *component, path string) (Batching, error) {
	const clients, call = 64, 5 * time.Millisecond
	b := Batching{Clients: clients, Call: call}
	c.busy.Store(int64(call))
	defer c.busy.Store(0)
	for more, rate := range map[string]*float64{"": &b.Without, fmt.Sprintf(`,"policy":{"batch":{"maxSize":%d,"maxDelay":"10ms"}}`, clients): &b.With} {
		calls := c.calls.Load()
		n, err := restThroughput(ctx, executor("executor", rest, path, node(c, "m", "MODEL", more)), clients)
		if err != nil {
			return b, err
		}
		if *rate = n; more != "" {
			b.Rows = n * openTime.Seconds() / float64(c.calls.Load()-calls)
		}
	}
	return b, nil
}

// restThroughput starts a program, and returns how many requests a second it answers.
func restThroughput(ctx context.Context, p *program, clients int) (float64, error) {
	if err := p.launch(ctx); err != nil {
		return 0, err
	}
	defer p.stop()
	cl := newREST(jsonBody(usualBytes))
	defer cl.close()
	if err := cl.dial(p.address, clients); err != nil {
		return 0, err
	}
	return throughput(ctx, cl, clients, openTime)
}
