package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// builds are the programs of the executor that take part. before is empty if no
// other build is compared.
type builds struct{ executor, before string }

// turns say how much is measured, and of what alone.
type turns struct {
	rounds, requests int
	only             string
	// named is part of the names of graphs; empty: one model is measured.
	named string
}

// quick measures one model behind 16 connections, or the graphs that are named, and
// prints what came of it.
func quick(ctx context.Context, b builds, t turns) error {
	c, err := startComponent()
	if err != nil {
		return err
	}
	defer c.close()
	if t.named == latencyCase {
		return quickLatencies(ctx, c, b.executor, t.only)
	}
	contests := ones(c, b, t.requests)
	if t.named != "" {
		contests = slices.DeleteFunc(compared(c, b, t.requests), func(x contest) bool { return !strings.Contains(x.name, t.named) })
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "protocol\tprogram\tCPU per request\tratio (quartiles)\n")
	for _, contest := range contests {
		if t.only != "" && t.only != contest.protocol {
			continue
		}
		rows, err := contest.run(ctx, c, t.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", contest.protocol, err)
		}
		for _, r := range rows {
			fmt.Fprintf(out, "%s\t%s\t%.1f µs\t%.2f (%.2f to %.2f)\n", r.Protocol, r.Program, r.Nanoseconds/1000, r.Ratio, r.Low, r.High)
		}
	}
	return out.Flush()
}

// quickLatencies prints how long requests of an open loop took.
func quickLatencies(ctx context.Context, c *component, path, only string) error {
	r := &Results{}
	for _, protocol := range []string{rest, rpc} {
		if only != "" && only != protocol {
			continue
		}
		rows, err := latencies(ctx, c, path, protocol)
		if err != nil {
			return fmt.Errorf("latency, %s: %w", protocol, err)
		}
		r.Latencies = append(r.Latencies, rows...)
	}
	fmt.Print(r.latencyTable())
	for _, l := range r.Latencies {
		if l.CPU > 0 {
			fmt.Printf("%s, %s: %.1f µs of CPU a request\n", l.Protocol, l.Program, float64(l.CPU)/1000)
		}
	}
	return nil
}

// ones are one model, beside what does nothing but pass requests on.
func ones(c *component, b builds, requests int) []contest {
	contests := []contest{
		{protocol: rest, programs: []*program{
			nginxProgram(rest, c), executor("executor", rest, b.executor, single(c)),
			executor("executor without metrics", rest, b.executor, single(c), "--prometheus_path", ""),
		}},
		{protocol: rpc, programs: []*program{bareGRPC(c), executor("executor", rpc, b.executor, single(c))}},
	}
	for i := range contests {
		x := &contests[i]
		x.connections, x.bytes, x.requests = usualConnections, usualBytes, requests
		if b.before != "" {
			x.programs = append(x.programs, executor("executor before", x.protocol, b.before, single(c)))
		}
	}
	return contests
}

// compared are the graphs of a page, each beside itself in another build.
func compared(c *component, b builds, requests int) []contest {
	contests := graphs(c, b.executor, requests)
	if b.before == "" {
		return contests
	}
	before := graphs(c, b.before, requests)
	for i := range contests {
		old := before[i].programs[1]
		old.name += " before"
		contests[i].programs = append(contests[i].programs, old)
	}
	return contests
}

// What most is measured with.
const (
	usualConnections = 16
	usualBytes       = 100
)
