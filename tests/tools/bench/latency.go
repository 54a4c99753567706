package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Latency is how long requests of an open loop took: they are sent at fixed times,
// whether or not earlier ones have been answered, and each counts from the time at
// which it was to be sent.
type Latency struct {
	Protocol string `json:"protocol"`
	Program  string `json:"program"`
	// PerSecond is the rate, Connections how many requests may be under way.
	PerSecond   float64 `json:"per_second"`
	Connections int     `json:"connections"`
	Bytes       int     `json:"bytes"`
	// P50, P99 and P999 are percentiles in nanoseconds: of each, the median of all
	// turns.
	P50  int64 `json:"p50"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p999"`
	// CPU is the program's own time on a processor a request, in nanoseconds: the median
	// of all turns. It is more than of a closed loop, where requests wait for each other
	// and a program finds several at once; 0: there is no program.
	CPU int64 `json:"cpu,omitempty"`
	// Added is how much larger P99 is than without a program between.
	Added int64 `json:"added_p99"`
}

// latencyCase asks for latencies alone.
const latencyCase = "latency"

const (
	openConnections = 64
	openTurns       = 16
	openTime        = time.Second
)

// latencies sends requests to the component itself and through each program, at half
// the rate that the slowest of them can take.
func latencies(ctx context.Context, c *component, path, protocol string) ([]Latency, error) {
	port := map[string]int{rest: c.httpPort, rpc: c.grpcPort}[protocol]
	own := executor("executor", protocol, path, single(c))
	programs := []*program{{name: "no proxy", address: fmt.Sprintf("127.0.0.1:%d", port)}, nginxProgram(protocol, c), own}
	if protocol == rpc {
		programs = slices.Insert(programs, 2, bareGRPC(c))
	}
	var clients []client
	for _, p := range programs {
		if p.start != nil {
			if err := p.launch(ctx); err != nil {
				return nil, fmt.Errorf("starting %s: %w", p.name, err)
			}
			defer p.stop()
		}
		cl := newClient(protocol, usualBytes)
		if err := cl.dial(p.address, openConnections); err != nil {
			return nil, err
		}
		defer cl.close()
		clients = append(clients, cl)
	}
	rate := math.Inf(1)
	for _, cl := range clients {
		most, err := saturation(ctx, cl)
		if err != nil {
			return nil, err
		}
		rate = min(rate, most/2)
	}
	turns, spent := make([][3][]float64, len(programs)), make([][]float64, len(programs))
	for turn := range openTurns {
		for i, cl := range clients {
			before, err := programs[i].cpu()
			if err != nil {
				return nil, err
			}
			took, err := openLoop(ctx, cl, rate, openTime)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", programs[i].name, err)
			}
			if turn == 0 {
				continue // It warms up.
			}
			after, err := programs[i].cpu()
			if err != nil {
				return nil, err
			}
			spent[i] = append(spent[i], float64(after-before)/float64(len(took)))
			for k, share := range [...]float64{0.5, 0.99, 0.999} {
				turns[i][k] = append(turns[i][k], float64(took[int(share*float64(len(took)))]))
			}
		}
	}
	rows := make([]Latency, len(programs))
	for i, p := range programs {
		rows[i] = Latency{
			Protocol: protocol, Program: p.name, PerSecond: rate, Connections: openConnections, Bytes: usualBytes,
			CPU: int64(median(spent[i])), P50: int64(median(turns[i][0])), P99: int64(median(turns[i][1])), P999: int64(median(turns[i][2])),
		}
		rows[i].Added = rows[i].P99 - rows[0].P99
	}
	return rows, nil
}

// saturation is the throughput of a program that is warm.
func saturation(ctx context.Context, c client) (float64, error) {
	rate := 0.0
	for range 3 { // The first one warms up.
		var err error
		if rate, err = throughput(ctx, c, openConnections, openTime/3); err != nil {
			return 0, err
		}
	}
	return rate, nil
}

// throughput is how many requests a second are answered when each of so many
// connections sends the next one at once.
func throughput(ctx context.Context, c client, connections int, during time.Duration) (float64, error) {
	var n atomic.Int64
	began := time.Now()
	err := together(connections, func(i int) error {
		for time.Since(began) < during {
			if err := c.call(ctx, i); err != nil {
				return err
			}
			n.Add(1)
		}
		return nil
	})
	return float64(n.Load()) / time.Since(began).Seconds(), err
}

// openLoop sends at a rate for a while, and returns how long each request took from
// its time on, in order of size.
func openLoop(ctx context.Context, c client, rate float64, during time.Duration) ([]time.Duration, error) {
	n := int(rate * during.Seconds())
	took := make([]time.Duration, n)
	due := make(chan int, n)
	errs := make([]error, openConnections)
	var wait sync.WaitGroup
	began := time.Now().Add(time.Millisecond)
	at := func(i int) time.Time { return began.Add(time.Duration(float64(i) / rate * float64(time.Second))) }
	for k := range openConnections {
		wait.Go(func() {
			for i := range due {
				if err := c.call(ctx, k); err != nil {
					errs[k] = err
					return
				}
				took[i] = time.Since(at(i))
			}
		})
	}
	// A thread that sleeps is woken more exactly than a goroutine.
	runtime.LockOSThread()
	for i := range n {
		if left := time.Until(at(i)); left > 0 {
			pause := unix.NsecToTimespec(left.Nanoseconds())
			_ = unix.Nanosleep(&pause, nil) // Woken early, the request is early by as much.
		}
		due <- i
	}
	runtime.UnlockOSThread()
	close(due)
	wait.Wait()
	slices.Sort(took)
	if len(took) == 0 {
		return nil, errors.New("nothing was sent")
	}
	return took, errors.Join(errs...)
}
