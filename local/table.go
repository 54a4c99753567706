package local

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
)

// waiting says what keeps deployments from being ready: the container that
// failed last, else those that have not come up yet.
func (r *runner) waiting() {
	r.world.mu.Lock()
	var awaited []*container
	began := time.Now()
	for _, s := range r.world.served {
		if s.next == nil {
			continue
		}
		for _, g := range s.next.generations {
			if !g.isReady.Load() && g.began.Before(began) {
				began = g.began
			}
		}
		awaited = append(awaited, awaitedIn(s.next.generations)...)
	}
	r.world.mu.Unlock()
	var names []string
	var last *failure
	var culprit, why string
	for _, c := range withoutExecutors(awaited) {
		names = append(names, c.label)
	}
	for _, c := range awaited {
		if f := c.failure.Load(); f != nil && (last == nil || f.at.After(last.at)) {
			last, culprit = f, c.label
		}
	}
	slices.Sort(names)
	for _, c := range awaited { // What the executor waits for is said by the others.
		if text := c.unready.Load(); text != nil && (why == "" || c.spec.Name != expand.ExecutorContainer) {
			why = "; " + c.label + ": " + *text
			if c.spec.Name != expand.ExecutorContainer {
				break
			}
		}
	}
	since := time.Since(began).Round(time.Second)
	switch {
	case last != nil:
		r.console.Say("waiting for %s (%v): %s", culprit, since, last.text)
	case len(names) > 0:
		r.console.note("waiting for %s (%v)%s", strings.Join(names, ", "), since, why)
	}
}

// awaitedIn are the containers of generations that are not ready.
func awaitedIn(generations []*generation) []*container {
	var all []*container
	for _, g := range generations {
		for _, p := range g.running() {
			all = append(all, p.awaited()...)
		}
	}
	return all
}

// withoutExecutors leaves out executors, which wait for the others, unless there are
// no others.
func withoutExecutors(awaited []*container) []*container {
	var others []*container
	for _, c := range awaited {
		if c.spec.Name != expand.ExecutorContainer {
			others = append(others, c)
		}
	}
	if len(others) == 0 {
		return awaited
	}
	return others
}

// whyNotReady says what keeps a deployment from being ready, by its containers that
// are not.
func (w *world) whyNotReady(s *served) string {
	w.mu.Lock()
	generations := slices.Clone(s.current)
	if s.next != nil {
		generations = append(generations, s.next.generations...)
	}
	awaited := awaitedIn(generations)
	w.mu.Unlock()
	var all []string
	for _, c := range withoutExecutors(awaited) {
		all = append(all, c.awaits())
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "; ")
}

// report prints what runs and how to ask it: when all deployments have been
// ready for the first time, and later for each one that is new.
func (r *runner) report(ctx context.Context) {
	r.world.mu.Lock()
	var list []*served
	complete := true
	for _, s := range r.world.served {
		complete = complete && s.complete
		if s.complete && !s.shown {
			list = append(list, s)
		}
	}
	first := !r.reported
	if len(list) == 0 || first && !complete {
		r.world.mu.Unlock()
		return
	}
	slices.SortFunc(list, func(a, b *served) int { return strings.Compare(a.source.name(), b.source.name()) })
	var tables []string
	var examples []func() string
	for _, s := range list {
		tables = append(tables, r.table(s))
		examples = append(examples, r.exampleOf(ctx, s))
		s.shown = true
	}
	r.reported = true
	r.world.mu.Unlock()
	var b strings.Builder
	for i := range tables {
		b.WriteString(tables[i] + examples[i]())
	}
	b.WriteString("\n")
	if first {
		if len(r.options.Watch) > 0 {
			b.WriteString("Watching for changes. ")
		}
		if r.options.Keys != nil {
			b.WriteString("r and Enter starts everything again, r NAME a node. ")
		}
		b.WriteString("Press Ctrl-C to stop.\n")
	}
	r.console.print(b.String())
	if first && r.options.Started != nil {
		r.options.Started("localhost:" + strconv.Itoa(r.port))
	}
}

// table is the part of the report about one deployment.
func (r *runner) table(s *served) string {
	d := s.deployment
	var b strings.Builder
	outside := d.Spec.Protocol.Canonical()
	fmt.Fprintf(&b, "\n%s (namespace %s, protocol %s)\n\n", d.Name, d.Namespace, outside)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  PREDICTOR\tNODE\tSERVER\tSPEAKS\tHTTP\tGRPC\tREADY AFTER")
	for _, g := range s.current {
		name := g.predictor.Name
		switch {
		case g.predictor.Shadow:
			name += " (shadow)"
		case len(s.current) > 1:
			name += fmt.Sprintf(" (%d%%)", traffic(d, g.predictor.Name))
		}
		for _, row := range r.rows(g, outside) {
			fmt.Fprintf(w, "  %s\t%s\n", name, strings.Join(row, "\t"))
			name = ""
		}
	}
	w.Flush()
	b.WriteString("\n")
	return b.String()
}

// exampleOf returns the function that makes the lines by which a deployment is
// asked: it has to ask the deployment itself. The caller holds the world's mu,
// the function's need not.
func (r *runner) exampleOf(ctx context.Context, s *served) func() string {
	source, d := s.source, s.deployment
	i := slices.IndexFunc(s.current, func(g *generation) bool { return !g.predictor.Shadow })
	if i < 0 {
		return func() string { return "" }
	}
	g := s.current[i]
	return func() string {
		return example(source, r.port, askedOf(ctx, d, g, r.options.Servers), r.state.keepRequest)
	}
}

func traffic(d *v1.SeldonDeployment, predictor string) int32 {
	for i := range d.Spec.Predictors {
		if d.Spec.Predictors[i].Name == predictor {
			return d.Spec.Predictors[i].Traffic
		}
	}
	return 0
}

// rows are the lines of one predictor: its nodes, then the executor and what
// else runs.
func (r *runner) rows(g *generation, outside v1.Protocol) [][]string {
	var rows [][]string
	ready := g.readyAfter.Round(10 * time.Millisecond).String()
	layouts := map[string]*containerLayout{}
	var others []string
	for _, layout := range g.layouts {
		for i := range layout.containers {
			c := &layout.containers[i]
			layouts[c.spec.Name] = c
			others = append(others, c.spec.Name)
		}
	}
	row := func(title, name, server, speaks string) {
		http, grpc := "-", "-"
		if ports, ok := g.ports.byName[name]; ok && layouts[name] != nil {
			http, grpc = strconv.Itoa(int(ports.HTTP)), strconv.Itoa(int(ports.GRPC))
		}
		rows = append(rows, []string{title, server, speaks, http, grpc, ready})
	}
	g.predictor.Graph.Walk(func(_ string, n *graph.Node) {
		others = slices.DeleteFunc(others, func(name string) bool { return name == n.Name })
		if graph.BuiltinOf(n.Implementation) != graph.NotBuiltin {
			row(n.Name, n.Name, n.Implementation+" (in the executor)", "-")
			return
		}
		server := "left out"
		if c := layouts[n.Name]; c != nil {
			server = c.choice.String()
		}
		if _, ok := r.options.Servers.Servers[n.Implementation]; ok {
			server = n.Implementation + ": " + server
		}
		row(n.Name, n.Name, server, string(speaks(n, r.options.Servers, outside)))
	})
	for _, name := range others {
		title, speaks := "("+name+")", "-"
		if name == expand.ExecutorContainer {
			title, speaks = "(executor)", string(outside)
		}
		row(title, name, layouts[name].choice.String(), speaks)
	}
	return rows
}
