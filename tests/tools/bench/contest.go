package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// contest is programs that are sent requests in turns. The first is what the others
// are measured by.
type contest struct {
	// name says what is measured.
	name, protocol string
	// connections is how many requests are under way at once, bytes about the size
	// of each.
	connections, bytes int
	requests           int
	programs           []*program
	// body is what is sent over REST, if not a message of so many bytes.
	body []byte
	// atMost is the ratio that the last program may have; 0: any.
	atMost float64
}

// Cost is what a program spends on a request.
type Cost struct {
	Case        string  `json:"case"`
	Protocol    string  `json:"protocol"`
	Connections int     `json:"connections"`
	Bytes       int     `json:"bytes"`
	Program     string  `json:"program"`
	Nanoseconds float64 `json:"nanoseconds"`
	// Ratio is that to the first program of the case, the median of all turns; Low
	// and High are the quartiles.
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// AtMost is what Ratio may be; 0: anything.
	AtMost float64 `json:"at_most,omitempty"`
	// Opened is how many connections to the component were made in the second half of
	// the turns although there had been one for each request under way.
	Opened int64 `json:"opened"`
	// Resident is the memory after the last turn, in bytes.
	Resident int64 `json:"resident"`
	// PerSecond is the throughput of the median turn.
	PerSecond float64 `json:"per_second"`
}

// executor reports whether the program is the executor: the others have names of
// their own.
func (c *Cost) executor() bool {
	return !strings.HasPrefix(c.Program, "nginx") && !strings.HasPrefix(c.Program, "bare")
}

// entrant is a program in a contest.
type entrant struct {
	*program
	client client
	costs  []float64
	times  []float64
	// made are the connections to the component, opened those of them that count.
	made    int64
	opened  int64
	memory  int64
	request int
}

// run starts the programs and sends each its requests, in turns.
func (c *contest) run(ctx context.Context, of *component, rounds int) ([]Cost, error) {
	var all []*entrant
	for _, p := range c.programs {
		e := &entrant{program: p, client: newClient(c.protocol, c.bytes), request: max(c.requests, c.connections)}
		if c.body != nil {
			e.client = newREST(c.body)
		}
		if err := p.launch(ctx); err != nil {
			return nil, fmt.Errorf("starting %s: %w", p.name, err)
		}
		defer p.stop()
		if err := e.client.dial(p.address, c.connections); err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", p.name, err)
		}
		defer e.client.close()
		all = append(all, e)
	}
	for round := range rounds + 1 {
		for _, e := range all {
			opened := of.opened.Load()
			if err := e.turn(ctx, c.connections, round > 0); err != nil { // The first one warms up.
				return nil, fmt.Errorf("%s: %w", e.name, err)
			}
			made := of.opened.Load() - opened
			e.made += made
			if round > rounds/2 {
				e.opened += min(made, max(0, e.made-int64(c.connections)))
			}
		}
	}
	for _, e := range all {
		var err error
		if e.memory, err = e.resident(); err != nil {
			return nil, err
		}
	}
	return c.costs(all), nil
}

// turn sends the requests of one turn.
func (e *entrant) turn(ctx context.Context, connections int, counts bool) error {
	before, err := e.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := together(connections, func(i int) error {
		for range e.request / connections {
			if err := e.client.call(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := e.cpu()
	if err != nil || !counts {
		return err
	}
	n := float64(e.request / connections * connections)
	e.costs = append(e.costs, float64(after-before)/n)
	e.times = append(e.times, n/took.Seconds())
	return nil
}

func (c *contest) costs(all []*entrant) []Cost {
	var rows []Cost
	for k, e := range all {
		ratios := make([]float64, len(e.costs))
		for i := range e.costs {
			ratios[i] = e.costs[i] / all[0].costs[i]
		}
		slices.Sort(ratios)
		n := len(ratios)
		row := Cost{
			Case: c.name, Protocol: c.protocol, Connections: c.connections, Bytes: c.bytes, Program: e.name,
			Nanoseconds: median(e.costs), PerSecond: median(e.times), Opened: e.opened, Resident: e.memory,
			Ratio: ratios[n/2], Low: ratios[n/4], High: ratios[n*3/4],
		}
		if k == len(all)-1 {
			row.AtMost = c.atMost
		}
		rows = append(rows, row)
	}
	return rows
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// together runs f for 0 to n-1 at once.
func together(n int, f func(i int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, n)
	for i := range errs {
		wait.Go(func() { errs[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(errs...)
}
