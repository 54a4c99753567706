// Package conformance checks a running executor from outside, over its two
// addresses: every shape of graph, over REST and gRPC, in every protocol and
// across protocols, with real components on loopback sockets.
package conformance

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// Executor is a running executor.
type Executor struct {
	// REST and GRPC are its addresses, host:port.
	REST, GRPC string
	// Stop asks it to end, as SIGTERM does; Wait returns its exit code.
	Stop func()
	Wait func() int
}

// Launch describes an executor to be started: its environment and its
// arguments without ports.
type Launch struct {
	Env  map[string]string
	Args []string
	// HTTPPort and GRPCPort are listened on; empty: any free ones.
	HTTPPort, GRPCPort string
}

// arguments are all of them.
func (l Launch) arguments() []string {
	return append(l.Args, "--http_port", cmp.Or(l.HTTPPort, "0"), "--grpc_port", cmp.Or(l.GRPCPort, "0"))
}

// Start starts an executor that is stopped at the end of the test.
type Start func(t *testing.T, l Launch) Executor

// Run checks executors that start makes.
func Run(t *testing.T, start Start) {
	t.Run("graphs", func(t *testing.T) { graphs(t, start) })
	t.Run("protocols", func(t *testing.T) { mixed(t, start) })
	t.Run("feedback", func(t *testing.T) { feedback(t, start) })
	t.Run("questions", func(t *testing.T) { questions(t, start) })
	t.Run("http", func(t *testing.T) { overHTTP(t, start) })
	t.Run("rpc", func(t *testing.T) { overGRPC(t, start) })
	t.Run("compat", func(t *testing.T) { compat(t, start) })
	t.Run("policies", func(t *testing.T) { policies(t, start) })
	t.Run("sharing", func(t *testing.T) { sharing(t, start) })
	t.Run("payloads", func(t *testing.T) { payloads(t, start) })
	t.Run("meta", func(t *testing.T) { meta(t, start) })
	t.Run("route headers", func(t *testing.T) { routeHeaders(t, start) })
	t.Run("one port", func(t *testing.T) { onePort(t, start) })
	t.Run("metrics", func(t *testing.T) { metrics(t, start) })
	t.Run("tracing", func(t *testing.T) { tracing(t, start) })
	t.Run("faults", func(t *testing.T) { faults(t, start) })
	t.Run("survival", func(t *testing.T) { survival(t, start) })
	t.Run("arrivals", func(t *testing.T) { arrivals(t, start) })
	t.Run("told", func(t *testing.T) { told(t, start) })
	t.Run("hostile", func(t *testing.T) { hostile(t, start) })
	t.Run("versions", func(t *testing.T) { shareVersions(t, start) })
	t.Run("repository", func(t *testing.T) { repository(t, start) })
	t.Run("ends", func(t *testing.T) { ends(t, start) })
}

// Node is one node of a graph under test and the component behind it.
type Node struct {
	Name     string
	Type     graph.Type
	Methods  []graph.Method
	Builtin  string
	Protocol string
	// Digit, Out and Route are those of [stub.Model].
	Digit, Out, Route int
	Parameters        []graph.Parameter
	Policy            *graph.Policy
	Logger            *graph.Logger
	Children          []Node
}

// components are the servers behind a graph, by node.
type components map[string]*stub.Server

// build starts a component for each node that needs one and returns the graph.
func (n Node) build(t *testing.T, outside string, cs components) graph.Node {
	t.Helper()
	g := graph.Node{Name: n.Name, Type: n.Type, Methods: n.Methods, Implementation: n.Builtin, Parameters: n.Parameters, Policy: n.Policy, Logger: n.Logger}
	for _, c := range n.Children {
		g.Children = append(g.Children, c.build(t, outside, cs))
	}
	if graph.BuiltinOf(n.Builtin) != graph.NotBuiltin || n.Type == "" && len(n.Methods) == 0 {
		return g
	}
	s, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	cs[n.Name] = s
	m := stub.Model{Protocol: outside, Name: n.Name, Digit: n.Digit, Out: n.Out, Route: n.Route, Router: n.Type == graph.Router}
	if n.Protocol != "" {
		m.Protocol = n.Protocol
	}
	m.Serve(s)
	g.Endpoint = &graph.Endpoint{
		ServiceHost: "127.0.0.1", Type: graph.REST, HTTPPort: port(t, s.HTTP), GRPCPort: port(t, s.GRPC), ServicePort: port(t, s.HTTP), Protocol: n.Protocol,
	}
	return g
}

func port(t *testing.T, address string) int32 {
	t.Helper()
	p, err := strconv.ParseInt(address[strings.LastIndexByte(address, ':')+1:], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(p)
}

// launch starts the components of a graph and an executor in front of them.
func launch(t *testing.T, start Start, outside string, n Node, args ...string) (Executor, components) {
	t.Helper()
	cs := components{}
	g := n.build(t, outside, cs)
	return start(t, launchOf(t, outside, g, args...)), cs
}

func launchOf(t *testing.T, outside string, g graph.Node, args ...string) Launch {
	t.Helper()
	predictor, err := json.Marshal(map[string]any{"name": "main", "graph": g})
	if err != nil {
		t.Fatal(err)
	}
	return Launch{
		Env:  map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(predictor), "RADIANT_PODINFO": t.TempDir()},
		Args: append([]string{"--sdep", "sdep", "--namespace", "ns", "--predictor", "main", "--protocol", outside}, args...),
	}
}

// counts returns how many calls each component got.
func (cs components) counts() map[string]int {
	all := map[string]int{}
	for name, s := range cs {
		if n := len(s.Calls()); n > 0 {
			all[name] = n
		}
	}
	return all
}

func (cs components) reset() {
	for _, s := range cs {
		s.Reset()
	}
}

// soon is a context for one request, which fails rather than hangs.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
