package local

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/scaling"
)

// resting lets the processes of a predictor end that nobody asks, and starts them
// again for the first request, which the gateway keeps meanwhile: what a scaleSpec with
// minReplicas 0 asks for. One process of each container runs here at most.
type resting struct {
	policy scaling.Policy
	// woken gets a value when a request waits, ended is closed with the generation.
	woken, ended chan struct{}
	over         sync.WaitGroup
}

// policy is how the predictor is scaled, if it may be without pods: as the pod that
// holds its front says.
func (e *expansion) policy() (scaling.Policy, bool, error) {
	for _, d := range e.deployments {
		said := d.Annotations[scaling.AnnotationScaled]
		if said == "" || len(e.deployments) > 1 && d.Labels[v1.LabelHoldsExecutor] != "true" {
			continue
		}
		var scaled scaling.Scaled
		if err := json.Unmarshal([]byte(said), &scaled); err != nil {
			return scaling.Policy{}, false, fmt.Errorf("reading annotation %s of %s: %w", scaling.AnnotationScaled, d.Name, err)
		}
		return scaled.Policy, scaled.Policy.MinReplicas == 0, nil
	}
	return scaling.Policy{}, false, nil
}

// rests lets a generation be without pods.
func (g *generation) rests(p scaling.Policy) {
	g.resting = &resting{policy: p, woken: make(chan struct{}, 1), ended: make(chan struct{})}
}

// scaledAs reports whether an expansion says the same of being without pods.
func (g *generation) scaledAs(e *expansion) bool {
	policy, may, err := e.policy()
	if err != nil || may != (g.resting != nil) {
		return false
	}
	return !may || policy == g.resting.policy
}

// wake has the processes started again.
func (r *resting) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// label names the generation in what is printed of it.
func (g *generation) label() string {
	return fmt.Sprintf("deployment %s, predictor %s", g.deployment.Name, g.predictor.Name)
}

// follow decides, until the generation ends, whether it runs; it begins as it is.
func (g *generation) follow(h *host, runs bool, begin func() error) {
	r, label := g.resting, g.label()
	decide, before, at := scaling.NewComponent(r.policy, time.Now(), scaling.Observed{Replicas: 1}), g.backend.Load(), time.Now()
	ticker := time.NewTicker(scaling.Tick)
	defer ticker.Stop()
	for {
		select {
		case <-r.ended:
			return
		case <-r.woken:
			if runs {
				continue
			}
			h.console.note("%s: woken by a request", label)
			decide.Wake(time.Now())
			if err := begin(); err != nil {
				h.console.Say("%s: %v", label, err)
				continue
			}
			runs = true
		case now := <-ticker.C:
			if !runs {
				continue
			}
			load := g.backend.Load()
			if g.isReady.Load() {
				decide.Record(now, load.Since(before, now.Sub(at).Seconds(), r.policy.Metric))
			}
			before, at = load, now
			ready := int32(0)
			if g.isReady.Load() {
				ready = 1
			}
			d := decide.Decide(now, scaling.Observed{Replicas: 1, Ready: ready})
			if d.Replicas == 0 && load.InFlight == 0 && g.rest() {
				runs = false
				h.console.note("%s: no process runs: %s", label, d.Message)
			}
		}
	}
}

// rest ends the processes, unless a request has come.
func (g *generation) rest() bool {
	g.checking.Lock()
	g.isReady.Store(false)
	if g.backend.Load().InFlight > 0 {
		g.checking.Unlock()
		g.check()
		return false
	}
	pods := g.pods
	g.pods = nil
	g.checking.Unlock()
	stopAll(pods)
	return true
}

func stopAll(pods []*pod) {
	var all sync.WaitGroup
	for _, p := range pods {
		all.Go(p.stop)
	}
	all.Wait()
}

// running are the pods that run.
func (g *generation) running() []*pod {
	g.checking.Lock()
	defer g.checking.Unlock()
	return slices.Clone(g.pods)
}

// begin starts the pods.
func (g *generation) begin(h *host, open outputs, events podEvents) error {
	var pods []*pod
	for _, layout := range g.layouts {
		p, err := newPod(layout, h, open, events)
		if err != nil {
			return err
		}
		pods = append(pods, p)
	}
	g.checking.Lock()
	g.pods = pods
	g.checking.Unlock()
	for _, p := range pods {
		p.start(expand.ExecutorContainer)
	}
	g.check()
	return nil
}
