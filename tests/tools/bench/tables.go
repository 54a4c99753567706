package main

import (
	"fmt"
	"strings"
	"time"
)

// held says whether a figure is within its limit.
func held(within bool) string {
	if within {
		return "holds"
	}
	return "**missed**"
}

// limitsTable lists the figures that have a limit.
func (r *Results) limitsTable() string {
	var b strings.Builder
	b.WriteString("| case | at most | measured | |\n|---|---|---|---|\n")
	row := func(what, limit, measured string, within bool) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", what, limit, measured, held(within))
	}
	var opened int64
	for i, c := range r.Costs {
		if c.executor() {
			opened += c.Opened
		}
		if c.AtMost > 0 {
			row(fmt.Sprintf("%s: %s, %d connections, %s", c.Protocol, c.Case, c.Connections, size(c.Bytes)),
				fmt.Sprintf("%.2f x %s", c.AtMost, r.baseOf(i)), fmt.Sprintf("%.2f (%.2f to %.2f)", c.Ratio, c.Low, c.High), c.Ratio <= c.AtMost)
		}
	}
	for _, c := range r.Costs {
		if c.Program == "executor" && c.Connections == 128 && c.Bytes == usualBytes {
			const most = 40 * megabyte
			row(c.Protocol+": resident, 128 connections", mb(most), mb(c.Resident), c.Resident <= most)
		}
	}
	for _, m := range r.Memory {
		if m.AtMost > 0 {
			row(m.What, mb(m.AtMost), mb(m.Bytes), m.Bytes <= m.AtMost)
		}
	}
	row("new connections to nodes in steady state", "0", fmt.Sprint(opened), opened == 0)
	for _, protocol := range []string{rest, rpc} {
		own, nginx := r.added("executor", protocol), r.added("nginx", protocol)
		row(protocol+": added p99 at half the saturation rate", "1.5 x nginx's", fmt.Sprintf("%s, nginx %s", micro(own), micro(nginx)), float64(own) <= 1.5*float64(max(nginx, unseen)))
	}
	gain := r.Batching.With / r.Batching.Without
	row(fmt.Sprintf("batching: %d clients, %v a call", r.Batching.Clients, r.Batching.Call), fmt.Sprintf("at least %d x the throughput without", leastGain),
		fmt.Sprintf("%.1f", gain), gain >= leastGain)
	return b.String()
}

// unseen is what is added at least: less cannot be told from nothing.
const unseen = int64(50 * time.Microsecond)

// baseOf is the program that a cost is compared with: the first of its case.
func (r *Results) baseOf(i int) string {
	c := r.Costs[i]
	for i > 0 && sameCase(r.Costs[i-1], c) {
		i--
	}
	return r.Costs[i].Program
}

func sameCase(a, b Cost) bool {
	return a.Case == b.Case && a.Protocol == b.Protocol && a.Connections == b.Connections && a.Bytes == b.Bytes
}

// added is what a program adds to the 99th percentile.
func (r *Results) added(program, protocol string) int64 {
	for _, l := range r.Latencies {
		if l.Protocol == protocol && strings.HasPrefix(l.Program, program) {
			return l.Added
		}
	}
	return 0
}

func (r *Results) forwardingTable() string {
	var b strings.Builder
	b.WriteString("| protocol | connections | message | program | CPU a request | ratio (quartiles) | requests/s | resident | new connections |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range r.Costs {
		if c.Case == "one model" {
			fmt.Fprintf(&b, "| %s | %d | %s | %s | %.1f µs | %.2f (%.2f to %.2f) | %.0f | %s | %d |\n",
				c.Protocol, c.Connections, size(c.Bytes), c.Program, c.Nanoseconds/1000, c.Ratio, c.Low, c.High, c.PerSecond, mb(c.Resident), c.Opened)
		}
	}
	return b.String()
}

func (r *Results) graphsTable() string {
	var b strings.Builder
	b.WriteString("| protocol | graph | CPU a request | by | ratio (quartiles) |\n|---|---|---|---|---|\n")
	for i, c := range r.Costs {
		if base := r.baseOf(i); c.Case != "one model" && c.Program != base {
			fmt.Fprintf(&b, "| %s | %s | %.1f µs | %s | %.2f (%.2f to %.2f) |\n", c.Protocol, c.Case, c.Nanoseconds/1000, base, c.Ratio, c.Low, c.High)
		}
	}
	return b.String()
}

func (r *Results) latencyTable() string {
	var b strings.Builder
	b.WriteString("| protocol | requests/s | program | p50 | p99 | p99.9 | added p99 |\n|---|---|---|---|---|---|---|\n")
	for _, l := range r.Latencies {
		fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %s | %s | %s |\n", l.Protocol, l.PerSecond, l.Program, micro(l.P50), micro(l.P99), micro(l.P999), micro(l.Added))
	}
	return b.String()
}

func (r *Results) memoryTable() string {
	var b strings.Builder
	b.WriteString("| what | program | |\n|---|---|---|\n")
	for _, m := range r.Memory {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.What, m.Program, mb(m.Bytes))
	}
	t := r.Batching
	fmt.Fprintf(&b, "| requests/s of %d clients, a model that takes %v a call, one at a time | executor | %.0f |\n", t.Clients, t.Call, t.Without)
	fmt.Fprintf(&b, "| the same with `policy.batch`, %.0f rows a call | executor | %.0f |\n", t.Rows, t.With)
	return b.String()
}

func mb(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/megabyte) }

func micro(ns int64) string { return fmt.Sprintf("%d µs", ns/int64(time.Microsecond)) }
