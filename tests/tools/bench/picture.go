package main

import (
	"fmt"
	"strings"
)

// picture draws what programs spend on a request at 16 connections, by the first
// program of each case.
func (r *Results) picture() string {
	const left, bar, gap, width, room = 250, 16, 14, 720, 360
	longest := 1.5
	for _, c := range r.Costs {
		if c.drawn() {
			longest = max(longest, c.Ratio)
		}
	}
	var b strings.Builder
	y := 54
	for i, c := range r.Costs {
		if !c.drawn() {
			continue
		}
		if r.first(i) {
			y += gap
			fmt.Fprintf(&b, `<text x="8" y="%d" class="case">%s, %s</text>`+"\n", y+bar-3, c.Protocol, size(c.Bytes))
		}
		class := "other"
		if c.Program == "executor" {
			class = "own"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="program">%s</text>`+"\n", left-8, y+bar-3, c.Program)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.0f" height="%d" class="%s"/>`+"\n", left, y, c.Ratio/longest*room, bar-2, class)
		fmt.Fprintf(&b, `<text x="%.0f" y="%d">%.2f (%.0f µs)</text>`+"\n", left+6+c.Ratio/longest*room, y+bar-3, c.Ratio, c.Nanoseconds/1000)
		y += bar
	}
	y += gap
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="CPU a request beside nginx and a bare gRPC proxy">
<style>text{font:12px sans-serif;fill:#222}.title{font-size:14px;font-weight:bold}.case{font-weight:bold}.program{text-anchor:end}.own{fill:#2f6fde}.other{fill:#b9c0cb}</style>
<rect width="%d" height="%d" fill="#fff"/>
<text x="8" y="20" class="title">CPU time a request, 16 connections: shorter is better</text>
<text x="8" y="40">REST by nginx proxy_pass, gRPC by a bare grpc-go proxy; %s%s</text>
`, width, y, width, y, width, y, r.Machine.When.Format("2006-01-02"), map[bool]string{true: "; the machine was busy"}[r.Machine.busy()])
	return head + b.String() + "</svg>\n"
}

// first reports whether a cost is the first of its case.
func (r *Results) first(i int) bool { return i == 0 || !sameCase(r.Costs[i-1], r.Costs[i]) }

// drawn reports whether a cost is in the picture.
func (c *Cost) drawn() bool { return c.Case == "one model" && c.Connections == usualConnections }
