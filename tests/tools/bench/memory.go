package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Memory is what programs take.
type Memory struct {
	What    string `json:"what"`
	Program string `json:"program"`
	Bytes   int64  `json:"bytes"`
	// AtMost is the limit; 0: there is none.
	AtMost int64 `json:"at_most,omitempty"`
}

const (
	megabyte = 1_000_000
	idle     = 10_000
	// settled is what a program has to come to rest.
	settled = time.Second
	// rested is what a program has to give back what it took while it was busy.
	rested = 15 * time.Second
)

// memories are the program's size, what it takes at its start, and with idle
// connections, before and after each has had one request answered.
func memories(ctx context.Context, c *component, path string) ([]Memory, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	rows := []Memory{{"the program's file", "executor", stat.Size(), 25 * megabyte}}
	own := executor("executor", rest, path, single(c))
	for _, p := range []*program{nginxProgram(rest, c), own} {
		of, err := idleMemory(ctx, p, p == own)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, of...)
	}
	return rows, nil
}

func idleMemory(ctx context.Context, p *program, limited bool) ([]Memory, error) {
	if err := p.launch(ctx); err != nil {
		return nil, err
	}
	defer p.stop()
	var rows []Memory
	look := func(what string, after time.Duration, atMost int64) error {
		time.Sleep(after)
		n, err := p.resident()
		if !limited {
			atMost = 0
		}
		rows = append(rows, Memory{what, p.name, n, atMost})
		return err
	}
	if err := look("resident at start", settled, 20*megabyte); err != nil {
		return nil, err
	}
	cl := newREST(jsonBody(usualBytes))
	defer cl.close()
	if err := cl.dial(p.address, idle); err != nil {
		return nil, fmt.Errorf("opening %d connections (ulimit -n): %w", idle, err)
	}
	if err := look(fmt.Sprintf("resident, %d idle connections", idle), settled, 120*megabyte); err != nil {
		return nil, err
	}
	for i := range idle {
		if err := cl.call(ctx, i); err != nil {
			return nil, err
		}
		// Who waits on a connection does so in little memory.
		cl.conns[i].b = nil
	}
	return rows, look(fmt.Sprintf("resident, %d idle connections, %s after a request on each", idle, rested), rested, 120*megabyte)
}
