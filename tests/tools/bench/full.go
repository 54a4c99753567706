package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/prime-radiant/radiant/tests/kit/pages"
)

// Results are all that a page shows.
type Results struct {
	Machine   Machine   `json:"machine"`
	Rounds    int       `json:"rounds"`
	Costs     []Cost    `json:"costs"`
	Latencies []Latency `json:"latencies"`
	Memory    []Memory  `json:"memory"`
	Batching  Batching  `json:"batching"`
}

// full measures all of a page and writes it, with JSON and a picture beside it.
func full(ctx context.Context, path string, t turns, page string) error {
	r, err := measure(ctx, path, t)
	if err != nil {
		return err
	}
	if r.Machine.busy() {
		fmt.Fprintf(os.Stderr, "bench: others kept %.2f of %d processors busy: do not believe these figures\n", r.Machine.Others, r.Machine.Processors)
	}
	fmt.Print(r.limitsTable())
	return r.write(page)
}

func measure(ctx context.Context, path string, t turns) (*Results, error) {
	c, err := startComponent()
	if err != nil {
		return nil, err
	}
	defer c.close()
	r := &Results{Rounds: t.rounds}
	machine, done := watch()
	for _, contest := range append(forwarding(c, path, t.requests), graphs(c, path, t.requests)...) {
		fmt.Fprintf(os.Stderr, "%s, %s, %d connections, %s\n", contest.name, contest.protocol, contest.connections, size(contest.bytes))
		rows, err := contest.run(ctx, c, t.rounds)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", contest.name, contest.protocol, err)
		}
		r.Costs = append(r.Costs, rows...)
	}
	for _, protocol := range []string{rest, rpc} {
		fmt.Fprintf(os.Stderr, "latency, %s\n", protocol)
		rows, err := latencies(ctx, c, path, protocol)
		if err != nil {
			return nil, fmt.Errorf("latency, %s: %w", protocol, err)
		}
		r.Latencies = append(r.Latencies, rows...)
	}
	fmt.Fprintln(os.Stderr, "memory, batching")
	if r.Memory, err = memories(ctx, c, path); err != nil {
		return nil, fmt.Errorf("memory: %w", err)
	}
	if r.Batching, err = batching(ctx, c, path); err != nil {
		return nil, fmt.Errorf("batching: %w", err)
	}
	done(&machine)
	r.Machine = machine
	return r, nil
}

// write writes the page's tables, and the files beside it.
func (r *Results) write(page string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	filled := string(text)
	for name, table := range map[string]string{
		"run": r.Machine.String() + "\n", "limits": r.limitsTable(), "forwarding": r.forwardingTable(),
		"graphs": r.graphsTable(), "latency": r.latencyTable(), "memory": r.memoryTable(),
	} {
		if filled, err = pages.Fill(filled, "benchmarks", name, table); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(page, ".md")
	for path, text := range map[string]string{page: filled, base + ".json": string(data) + "\n", base + ".svg": r.picture()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
