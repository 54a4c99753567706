package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
)

// builds are the programs of the executor that take part. before is empty if no
// other build is compared.
type builds struct{ executor, before string }

// turns say how much is measured, and of what alone.
type turns struct {
	rounds, requests int
	only             string
}

// quick measures one model behind 16 connections, and prints what came of it.
func quick(ctx context.Context, b builds, t turns) error {
	c, err := startComponent()
	if err != nil {
		return err
	}
	defer c.close()
	contests := []contest{
		{protocol: rest, programs: []*program{
			nginxProgram(rest, c), executor("executor", rest, b.executor, single(c)),
			executor("executor without metrics", rest, b.executor, single(c), "--prometheus_path", ""),
		}},
		{protocol: rpc, programs: []*program{bareGRPC(c), executor("executor", rpc, b.executor, single(c))}},
	}
	if b.before != "" {
		for i := range contests {
			contests[i].programs = append(contests[i].programs, executor("executor before", contests[i].protocol, b.before, single(c)))
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "protocol\tprogram\tCPU per request\tratio (quartiles)\n")
	for _, contest := range contests {
		if t.only != "" && t.only != contest.protocol {
			continue
		}
		contest.connections, contest.bytes, contest.requests = usualConnections, usualBytes, t.requests
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

// What most is measured with.
const (
	usualConnections = 16
	usualBytes       = 100
)
