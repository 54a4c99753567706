package scaler

import (
	"fmt"
	"math"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

// component is what is remembered of a Deployment that is scaled.
type component struct {
	*scaling.Component
	uid    types.UID
	policy string
	// pods and kept are the reports of before, of executors and of activators.
	pods map[types.UID]scaling.Report
	kept map[string]scaling.Report
	// initial: it is new, and its first pods have not all been ready yet.
	initial bool
	// wrote are the replicas that were written when the cache had seen a version;
	// as long as it has not seen another one they count.
	wrote        int32
	wroteVersion string
	decision     scaling.Decision
}

func newComponent(w *workload, now time.Time) *component {
	c := &component{
		Component: scaling.NewComponent(w.Policy, now, scaling.Observed{Replicas: w.replicas, Ready: w.ready}),
		uid:       w.uid, policy: w.policy, pods: map[types.UID]scaling.Report{}, kept: map[string]scaling.Report{},
	}
	c.initial = w.isNew
	return c
}

// initialWithin is how long the first pods of a Deployment stay that are not ready.
const initialWithin = 10 * time.Minute

// reasonInitial is why a new Deployment has the pods that it has.
const reasonInitial scaling.Reason = "InitialScale"

// holdInitial keeps the first pods of a new Deployment until they have been ready
// once: before, there are no requests by which to tell how many are needed.
func (c *component) holdInitial(now time.Time, w *workload, d *scaling.Decision) {
	first := w.Policy.InitialReplicas
	if c.initial && (w.ready >= first || now.Sub(w.made) >= initialWithin) {
		c.initial = false
		if first > 0 {
			c.Wake(now) // From now on there may be requests.
			*d = c.Decide(now, c.observed(w))
		}
	}
	if !c.initial || d.Replicas >= first && d.Reason != scaling.ReasonNoData {
		return
	}
	d.Replicas, d.Reason = max(first, d.Replicas), reasonInitial
	d.Keep = w.Policy.MinReplicas == 0 && w.ready == 0
	d.Message = fmt.Sprintf("%d: the pods of a new Deployment, until they have been ready once", d.Replicas)
}

// component returns what is remembered of a Deployment; another policy begins
// anew, from the pods that there are.
func (s *Scaler) component(w *workload) *component {
	c := s.components[w.name]
	if c == nil || c.uid != w.uid || c.policy != w.policy {
		before := c
		c = newComponent(w, s.now())
		c.initial = c.initial || before != nil && before.uid == w.uid && before.initial
		s.components[w.name] = c
	}
	return c
}

// observed is the Deployment as it is, as far as is known.
func (c *component) observed(w *workload) scaling.Observed {
	o := scaling.Observed{Replicas: w.replicas, Ready: w.ready}
	if c.wroteVersion == w.version {
		o.Replicas = c.wrote
	}
	return o
}

// startedLately, in ticks, is how young a program is of which all that it counted
// belongs to now.
const startedLately = 3

// load is the average of the metric since the tick before: what the executors
// have, and what activators keep. It is false if nothing is known: there are pods
// that should have told, and none did.
func (c *component) load(w *workload, a *answers) (load float64, known bool) {
	executors, told := c.ofExecutors(w, a)
	kept := c.ofActivators(w, a)
	// Calls on nodes that an activator holds are counted by those who call.
	if kept > 0 || len(w.Nodes) > 0 && executors > 0 || c.observed(w).Replicas > 0 {
		return settled(executors + kept), told
	}
	return 0, false
}

// grain is what loads are rounded to: a program reads its counts and its clock
// one after the other, and what passes in between must not want a pod more.
const grain = 0.01

// settled is a load without what clocks add to it. Little is not rounded to
// nothing: a request that lasts for milliseconds keeps the last pod.
func settled(load float64) float64 {
	if load < grain {
		return load
	}
	return math.Round(load/grain) / (1 / grain)
}

// ofExecutors is what the executors have. Where some of those that are ready did
// not tell, they are taken to have as much as the others.
func (c *component) ofExecutors(w *workload, a *answers) (load float64, known bool) {
	var ready, told int
	var ofReady, ofOthers float64
	seen := map[types.UID]scaling.Report{}
	for _, p := range a.pods[w.predictor()] {
		if p.ready {
			ready++
		}
		now, ok := a.reports[p.uid]
		if !ok {
			if before, ok := c.pods[p.uid]; ok {
				seen[p.uid] = before // Its next answer is about the time since then.
			}
			continue
		}
		seen[p.uid] = now
		one, ok := since(c.pods[p.uid], now, a.seconds, w.counted)
		switch {
		case !ok:
		case p.ready:
			told++
			ofReady += one(w.Policy.Metric)
		default:
			ofOthers += one(w.Policy.Metric)
		}
	}
	c.pods = seen
	if told == 0 {
		// Pods that the Deployment had before requests scaled it tell nothing.
		return ofOthers, ready == 0 && (len(w.Nodes) > 0 || w.ready == 0)
	}
	return ofReady*float64(ready)/float64(told) + ofOthers, true
}

// counted is what counts for a Deployment of what an executor has.
func (w *workload) counted(r *scaling.Report) scaling.Load {
	if len(w.Nodes) == 0 {
		return r.Predictor
	}
	var sum scaling.Load
	for _, name := range w.Nodes {
		l := r.Nodes[name]
		sum.InFlight += l.InFlight
		sum.BusySeconds += l.BusySeconds
		sum.Requests += l.Requests
	}
	return sum
}

// ofActivators is what activators keep. Calls on nodes are counted by those who
// call, so that what is kept of them counts already.
func (c *component) ofActivators(w *workload, a *answers) float64 {
	if len(w.Nodes) > 0 {
		return 0
	}
	load := 0.0
	for ip, now := range a.kept {
		before := c.kept[ip]
		for _, name := range w.Fronts {
			counted := func(r *scaling.Report) scaling.Load { return r.Fronts[w.name.Namespace+"/"+name] }
			if one, ok := since(before, now, a.seconds, counted); ok {
				load += one(w.Policy.Metric)
			} else if w.Policy.Metric == scaling.Concurrency {
				load += float64(counted(&now).InFlight)
			}
		}
	}
	c.kept = a.kept
	return load
}

// since compares two reports of a program; false: the first one is missing, and
// the second one is not about now alone. What a program counts that is younger than the
// tick, of so many seconds, is an average over all of it: before, its requests were
// counted where they waited for it.
func since(before, now scaling.Report, tick float64, counted func(*scaling.Report) scaling.Load) (average func(scaling.Metric) float64, ok bool) {
	seconds := now.Seconds - before.Seconds
	if before.Started != now.Started {
		if now.Seconds > (startedLately * scaling.Tick).Seconds() {
			return nil, false
		}
		before, seconds = scaling.Report{}, max(now.Seconds, tick)
	}
	return func(m scaling.Metric) float64 { return counted(&now).Since(counted(&before), seconds, m) }, true
}
