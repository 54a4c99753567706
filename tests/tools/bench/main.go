// Command bench compares what the executor spends on a request with what programs
// spend that do nothing but pass it on: nginx, and a bare grpc-go proxy. The programs
// of a comparison run at once, on one processor each, and are sent requests in turns,
// so that whatever else the machine does hits them alike; what counts is the median
// of many turns.
//
// Without -page it measures one case and prints it. With -page it measures all of
// docs/benchmarks.md, and writes the page's tables, their JSON and a picture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "proxy" {
		if err := proxy(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "proxy:", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 0, "turns of each program; 0: 15, and 7 with -page")
	requests := flag.Int("requests", 4000, "requests in a turn; with -page, of small ones")
	executor := flag.String("executor", "bin/executor", "the executor's program")
	before := flag.String("before", "", "another build of the executor, measured in the same rounds; not with -page")
	only := flag.String("only", "", "REST or gRPC; empty: both; not with -page")
	named := flag.String("case", "", "part of the names of graphs whose cases are measured, in the place of one model, or latency; not with -page")
	page := flag.String("page", "", "the page whose tables are written, such as docs/benchmarks.md; .json and .svg lie beside it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := turns{*rounds, *requests, *only, *named}
	var err error
	if *page == "" {
		if t.rounds == 0 {
			t.rounds = 15
		}
		err = quick(ctx, builds{*executor, *before}, t)
	} else {
		if t.rounds == 0 {
			t.rounds = 7
		}
		err = full(ctx, *executor, t, *page)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
