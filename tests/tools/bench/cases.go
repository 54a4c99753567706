package main

// The limits of cases, as ratios to what they are measured by.
const (
	mostREST        = 1.25
	mostGRPC        = 0.90
	mostLargeREST   = 1.25
	mostLargeGRPC   = 1.00
	mostRouter      = 2.1
	mostABTest      = 1.1
	mostTranslation = 3.0
	// extra is what k nodes may cost beyond k times one.
	extra = 1.2
	// several is k.
	several = 3
)

// forwarding are one model at all numbers of connections and sizes of messages.
func forwarding(c *component, path string, requests int) []contest {
	var all []contest
	for _, protocol := range []string{rest, rpc} {
		for _, connections := range []int{1, usualConnections, 128} {
			for _, bytes := range []int{usualBytes, 10_000, 1_000_000} {
				own := executor("executor", protocol, path, single(c))
				programs := []*program{nginxProgram(protocol, c), own}
				if protocol == rpc {
					programs = []*program{bareGRPC(c), nginxProgram(protocol, c), own}
				}
				all = append(all, contest{
					name: "one model", protocol: protocol, connections: connections, bytes: bytes, programs: programs,
					requests: fewer(requests, bytes), atMost: atMost(protocol, connections, bytes),
				})
			}
		}
	}
	return all
}

// fewer is how many requests of a size make a turn.
func fewer(requests, bytes int) int {
	switch {
	case bytes >= 1_000_000:
		return requests / 40
	case bytes >= 10_000:
		return requests / 2
	}
	return requests
}

func atMost(protocol string, connections, bytes int) float64 {
	switch {
	case connections != usualConnections:
		return 0
	case bytes == usualBytes:
		return map[string]float64{rest: mostREST, rpc: mostGRPC}[protocol]
	case bytes == 1_000_000:
		return map[string]float64{rest: mostLargeREST, rpc: mostLargeGRPC}[protocol]
	}
	return 0
}

// graphs are what more than one node costs, by what one costs.
func graphs(c *component, path string, requests int) []contest {
	model := func(name string, children ...string) string { return node(c, name, "MODEL", "", children...) }
	var all []contest
	for _, protocol := range []string{rest, rpc} {
		add := func(name, graph string, atMost float64) {
			all = append(all, contest{
				name: name, protocol: protocol, connections: usualConnections, bytes: usualBytes, requests: requests / 2, atMost: atMost,
				programs: []*program{executor("one model", protocol, path, single(c)), executor(name, protocol, path, graph)},
			})
		}
		add("chain of 3", model("a", model("b", model("c"))), several*extra)
		add("fan-out of 3, AVERAGE_COMBINER", node(c, "f", "AVERAGE_COMBINER", "", model("a"), model("b"), model("c")), several*extra)
		add("router", node(c, "r", "ROUTER", "", model("a"), model("b")), mostRouter)
		add("RANDOM_ABTEST", node(c, "t", "RANDOM_ABTEST", `,"parameters":[{"name":"ratioA","type":"FLOAT","value":"0.5"}]`, model("a"), model("b")), mostABTest)
	}
	picture := pictureBody()
	return append(all, contest{
		name: "28x28 numbers, seldon to tensorflow and back", protocol: rest, connections: usualConnections,
		bytes: len(picture), body: picture, requests: requests / 4, atMost: mostTranslation,
		programs: []*program{executor("the same body, forwarded", rest, path, single(c)), executor("translated", rest, path, node(c, "m", "TENSORFLOW", ""))},
	})
}
