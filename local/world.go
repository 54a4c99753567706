package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/gateway"
)

// world is everything that runs. Its methods are called by one goroutine;
// what others do is under mu.
type world struct {
	host    *host
	gateway *gateway.Gateway
	layouts *layouts
	input   expand.Input // without a deployment and places
	state   string
	open    func(g *generation) outputs
	// python installs sets of packages.
	python func(ctx context.Context, sets []string) error
	// outdated gets generations whose ports were taken by others.
	outdated chan *generation
	numbers  int
	// starts are the versions that servers start with, by startsKey.
	starts map[string]starts

	mu       sync.Mutex
	served   map[string]*served
	adopted  func(s *served, first bool)
	stopping sync.WaitGroup
}

// served is one deployment: what answers now and what is about to.
type served struct {
	source     Source
	deployment *v1.SeldonDeployment
	current    []*generation
	// next waits for its generations to be ready; nil when nothing changes.
	next *succession
	// complete is set when all of current have been ready.
	complete bool
	// shown is set when the user was told how to ask it.
	shown bool
}

// succession is a set of generations that will take over when all are ready.
type succession struct {
	deployment  *v1.SeldonDeployment
	source      Source
	generations []*generation
	cancel      context.CancelFunc
}

// target is what has to run: for each deployment its generations, some of
// them running already.
type target struct {
	successions []*succession
	fresh       []*generation
	tellings    []telling
	packages    []string
	notes       []string
	containers  []string
	// problems are those of the deployments themselves.
	problems v1.Problems
}

// prepare computes the target for a list of deployments. It starts nothing; the
// error holds all problems.
func (w *world) prepare(sources []Source) (*target, error) {
	t := &target{}
	var errs []error
	seen := map[string]string{}
	for _, source := range sources {
		d := source.localized()
		source.Deployment = d
		if other, twice := seen[source.name()]; twice {
			errs = append(errs, fmt.Errorf("deployment %s is defined twice, in %s and %s", source.name(), other, source.File))
			continue
		}
		seen[source.name()] = source.File
		s := &succession{deployment: d, source: source}
		for i := range d.Spec.Predictors {
			g, err := w.generation(t, source, i)
			if err != nil {
				errs = append(errs, fmt.Errorf("deployment %s: %w", d.Name, err))
				continue
			}
			s.generations = append(s.generations, g)
		}
		t.successions = append(t.successions, s)
	}
	t.problems.Sort()
	if err := errors.Join(append([]error{t.problems.Err()}, errs...)...); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// release gives back what a target that is not wanted holds.
func (t *target) release() {
	for _, g := range t.fresh {
		g.ports.giveBack()
	}
}

// generation returns the running generation of a predictor that did not
// change, or a fresh one.
func (w *world) generation(t *target, source Source, predictor int) (*generation, error) {
	d := source.Deployment
	p := &d.Spec.Predictors[predictor]
	in := w.input
	in.Deployment = d
	in.Facts.Starts = w.starts[startsKey(d, p)]
	why := ""
	now := stamp(madeOf(d, p, w.layouts.chooser.Exec))
	for _, g := range w.candidates(d, p) {
		if g.stamp != now {
			why = ", since its model or code has changed"
			continue
		}
		e, err := expandPredictor(in, p, g.ports)
		if err != nil {
			return nil, err
		}
		templates, err := e.templates()
		if err != nil {
			return nil, err
		}
		if g.startsOther(in.Facts.Starts) {
			why = ", since its model has another version"
			continue
		}
		if !sameTemplates(templates, g.templates) || servicePort(e.service, v1.HTTPPortName) != g.http || !g.scaledAs(e) {
			continue
		}
		if told := maps.Equal(e.versions(), g.versions); told || g.isReady.Load() {
			if !told {
				t.tellings = append(t.tellings, telling{g, e})
			}
			t.note(g)
			return g, nil
		}
	}
	w.numbers++
	g := &generation{
		deployment: d, predictor: p, number: w.numbers, readyOnce: make(chan struct{}), stamp: now, why: why,
		requestFile: requestFile(source, exampleCalls()[d.Spec.Protocol.Canonical()]),
		ports: &predictorPorts{
			book: w.host.ports, byName: map[string]expand.Ports{},
			preferred: ownPorts(p, in.Config.Units.MetricsPortName),
		},
	}
	g.root = g.folder(w.state)
	err := w.complete(g, in)
	problems := g.modelProblems(predictor, in.Servers, w.layouts.shell)
	if source.Locate != nil {
		problems = source.Locate(problems)
	}
	t.problems = append(t.problems, problems...)
	if err != nil {
		g.ports.giveBack()
		return nil, err
	}
	t.fresh = append(t.fresh, g)
	t.note(g)
	return g, nil
}

// complete expands the predictor of g and lays out its pods.
func (w *world) complete(g *generation, in expand.Input) error {
	e, err := expandPredictor(in, g.predictor, g.ports)
	if err != nil {
		return err
	}
	if g.templates, err = e.templates(); err != nil {
		return err
	}
	g.http, g.grpc = servicePort(e.service, v1.HTTPPortName), servicePort(e.service, v1.GRPCPortName)
	if !g.predictor.NoExecutor() {
		g.metrics = in.Config.Executor.PrometheusPath
	}
	g.notes, g.versions = e.notes, e.versions()
	switch policy, may, err := e.policy(); {
	case err != nil:
		return err
	case may:
		g.rests(policy)
	}
	var errs []error
	for _, d := range e.deployments {
		layout, err := w.layouts.pod(d, origin{
			deployment: g.deployment.Name, predictor: g.predictor.Name, root: g.root,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("predictor %s: %w", g.predictor.Name, err))
		}
		g.layouts = append(g.layouts, layout)
		starting, err := startsIn(layout)
		if err != nil {
			errs = append(errs, fmt.Errorf("predictor %s: %w", g.predictor.Name, err))
		}
		g.starts = append(g.starts, starting...)
	}
	g.startVersions = in.Facts.Starts
	return errors.Join(errs...)
}

// note collects what is to be known of a generation.
func (t *target) note(g *generation) {
	t.notes = append(t.notes, g.notes...)
	for _, layout := range g.layouts {
		t.notes = append(t.notes, layout.notes...)
		for _, name := range layout.names {
			t.containers = append(t.containers, g.deployment.Name+"/"+name)
		}
		for _, c := range slices.Concat(layout.inits, layout.containers) {
			if set := c.choice.Command.Packages; set != "" && !slices.Contains(t.packages, set) {
				t.packages = append(t.packages, set)
			}
		}
	}
}

// candidates are the generations of a predictor that may be used again.
func (w *world) candidates(d *v1.SeldonDeployment, p *v1.PredictorSpec) []*generation {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.served[d.Namespace+"/"+d.Name]
	if s == nil {
		return nil
	}
	var list []*generation
	if s.next != nil {
		list = append(list, s.next.generations...)
	}
	list = append(list, s.current...)
	return slices.DeleteFunc(list, func(g *generation) bool {
		return g.predictor.Name != p.Name || g.outdated.Load()
	})
}

// start starts the fresh generations of t, and lets each deployment change
// over when it is ready. Deployments that t does not hold are stopped.
func (w *world) start(ctx context.Context, t *target) error {
	if err := w.python(ctx, t.packages); err != nil {
		t.release()
		return err
	}
	for _, g := range t.fresh {
		taken := func(g *generation) {
			select {
			case w.outdated <- g:
			case <-w.host.abort:
			}
		}
		if err := g.start(w.host, w.open(g), w.replaces(g), taken); err != nil {
			for _, g := range t.fresh {
				g.stop(0)
			}
			return fmt.Errorf("starting predictor %s: %w", g.predictor.Name, err)
		}
	}
	for _, one := range t.tellings {
		if err := one.tell(); err != nil {
			return err
		}
	}
	wanted := map[string]bool{}
	for _, s := range t.successions {
		wanted[s.source.name()] = true
		w.succeed(s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, s := range w.served {
		if !wanted[name] {
			w.remove(name, s)
		}
	}
	return nil
}

// replaces reports whether pods run whose place a generation is to take.
func (w *world) replaces(g *generation) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.served[g.deployment.Namespace+"/"+g.deployment.Name]
	return s != nil && slices.ContainsFunc(s.current, func(old *generation) bool {
		return old.predictor.Name == g.predictor.Name && len(old.running()) > 0
	})
}

// succeed lets s take over from what is served now: at once where there is
// nothing, else when s is ready.
func (w *world) succeed(s *succession) {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.served[s.source.name()]
	if now == nil {
		now = &served{source: s.source, deployment: s.deployment, current: s.generations}
		w.served[s.source.name()] = now
		w.publish()
	} else if now.serves(s) {
		cancel()
		return
	} else if now.next != nil {
		now.next.cancel()
		w.retire(now.next.generations, s.generations, now.current)
	}
	now.next = s
	w.stopping.Go(func() {
		for _, g := range s.generations {
			select {
			case <-g.readyOnce:
			case <-ctx.Done():
				return
			}
		}
		w.adopt(now, s)
	})
}

// serves reports whether s is what is served already.
func (now *served) serves(s *succession) bool {
	return now.next == nil && slices.Equal(now.current, s.generations) && reflect.DeepEqual(now.deployment, s.deployment)
}

// adopt makes s what is served.
func (w *world) adopt(now *served, s *succession) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.next != s || w.served[s.source.name()] != now {
		return
	}
	old, first := now.current, !now.complete
	now.current, now.deployment, now.source = s.generations, s.deployment, s.source
	now.next, now.complete = nil, true
	w.publish()
	w.retire(old, s.generations)
	w.adopted(now, first)
}

// remove takes a deployment away. The caller holds mu.
func (w *world) remove(name string, s *served) {
	delete(w.served, name)
	w.publish()
	for _, g := range s.current {
		delete(w.starts, startsKey(g.deployment, g.predictor))
	}
	w.host.console.note("deployment %s: removed", s.deployment.Name)
	if s.next != nil {
		s.next.cancel()
		w.retire(s.next.generations, s.current)
	}
	w.retire(s.current)
}

// retire stops, in the background, those of list that are in none of the kept
// lists.
func (w *world) retire(list []*generation, kept ...[]*generation) {
	for _, g := range list {
		if !slices.Contains(slices.Concat(kept...), g) {
			w.stopping.Go(func() { g.stop(drainTime) })
		}
	}
}

// publish tells the gateway what is served. The caller holds mu.
func (w *world) publish() {
	var list []*gateway.Deployment
	for _, s := range w.served {
		d := inGateway(s.deployment, s.current)
		d.Why = func() string { return w.whyNotReady(s) }
		list = append(list, d)
		shareOut(s.deployment, s.current)
	}
	w.gateway.Set(list)
}

// inGateway is a deployment as the gateway serves it: a shadow gets copies, and
// a predictor with a weight of 0 gets nothing unless it is the only one.
func inGateway(d *v1.SeldonDeployment, generations []*generation) *gateway.Deployment {
	r := &gateway.Deployment{Namespace: d.Namespace, Name: d.Name, Protocol: string(d.Spec.Protocol.Canonical())}
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		j := slices.IndexFunc(generations, func(g *generation) bool { return g.predictor.Name == p.Name })
		if j < 0 {
			continue
		}
		backend := generations[j].backend
		if p.Shadow {
			r.Shadow, r.Percent = backend, int(p.Traffic)
			if r.Percent == 0 {
				r.Percent = 100
			}
			continue
		}
		r.Shares = append(r.Shares, gateway.Share{Backend: backend, Weight: int(p.Traffic)})
	}
	return r
}

// stop ends everything that runs and returns when it is gone.
func (w *world) stop() {
	w.mu.Lock()
	for name, s := range w.served {
		delete(w.served, name)
		if s.next != nil {
			s.next.cancel()
			w.retire(s.next.generations, s.current)
		}
		w.retire(s.current)
	}
	w.mu.Unlock()
	w.stopping.Wait()
}

// renew marks the predictors of this name, or with a node of this name, so that
// others take their places; all of them where the name is empty. It reports
// whether there is one.
func (w *world) renew(name string) (found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.served {
		for _, g := range s.current {
			wanted := name == "" || g.predictor.Name == name
			g.predictor.Graph.Walk(func(_ string, n *graph.Node) { wanted = wanted || n.Name == name })
			if wanted {
				g.outdated.Store(true)
				found = true
			}
		}
	}
	return found
}
