// Command bench compares the CPU time that the executor spends on a request
// with that of programs that do nothing but pass it on: nginx over REST, a bare
// grpc-go proxy over gRPC. All run at once, on one processor each, and are sent
// requests in turns, so that whatever else the machine does hits them alike;
// what counts is the median of many rounds.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "proxy" {
		if err := proxy(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "proxy:", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 15, "turns of each program")
	requests := flag.Int("requests", 4000, "requests in a turn")
	executor := flag.String("executor", "bin/executor", "the executor's program")
	before := flag.String("before", "", "another build of the executor, measured in the same rounds")
	only := flag.String("only", "", "REST or gRPC; empty: both")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, builds{*executor, *before}, turns{*rounds, *requests, *only}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// contest is programs that answer the same requests. The first is what the
// others are measured by.
type contest struct {
	name     string
	programs []*program
}

// builds are the programs of the executor that take part. before is empty if no
// other build is compared.
type builds struct{ executor, before string }

// turns say how much is measured, and of what alone.
type turns struct {
	rounds, requests int
	only             string
}

func run(ctx context.Context, b builds, t turns) error {
	component, err := startComponent()
	if err != nil {
		return err
	}
	defer component.close()
	contests := []contest{
		{"REST", []*program{nginx(component), executorREST(b.executor, component), executorRESTQuiet(b.executor, component)}},
		{"gRPC", []*program{bareGRPC(component), executorGRPC(b.executor, component)}},
	}
	if b.before != "" {
		for i, other := range []*program{executorREST(b.before, component), executorGRPC(b.before, component)} {
			other.name += " before"
			contests[i].programs = append(contests[i].programs, other)
		}
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "protocol\tprogram\tCPU per request\tratio (quartiles)\n")
	for _, c := range contests {
		if t.only != "" && t.only != c.name {
			continue
		}
		if err := c.run(ctx, t.rounds, t.requests); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		for _, p := range c.programs {
			ratios := make([]float64, len(p.costs))
			for i := range p.costs {
				ratios[i] = float64(p.costs[i]) / float64(c.programs[0].costs[i])
			}
			slices.Sort(ratios)
			costs := slices.Sorted(slices.Values(p.costs))
			n := len(ratios)
			fmt.Fprintf(out, "%s\t%s\t%.1f µs\t%.2f (%.2f to %.2f)\n", c.name, p.name, float64(costs[n/2].Nanoseconds())/1000, ratios[n/2], ratios[n/4], ratios[n*3/4])
		}
	}
	return out.Flush()
}

// run starts the programs and sends each its requests, in turns.
func (c *contest) run(ctx context.Context, rounds, requests int) error {
	for _, p := range c.programs {
		if err := p.launch(ctx); err != nil {
			return fmt.Errorf("starting %s: %w", p.name, err)
		}
		defer p.stop()
	}
	for round := range rounds + 1 {
		for _, p := range c.programs {
			before, err := p.cpu()
			if err != nil {
				return err
			}
			if err := p.load(ctx, requests); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			after, err := p.cpu()
			if err != nil {
				return err
			}
			if round > 0 { // The first one warms up.
				p.costs = append(p.costs, (after-before)/time.Duration(requests))
			}
		}
	}
	return nil
}
