package scaling

import (
	"math"
	"time"
)

// Tick is how often there is a decision; Knative's, and the grain of its delay.
const Tick = 2 * time.Second

// Bounds of how fast pods come and go in one decision; Knative's defaults.
const (
	mostGrowth = 1000 // times the pods that are ready
	mostShrink = 2    // the pods that are ready by this
)

// decider decides as Knative's autoscaler does. It looks at two averages: a
// burst in the short one brings pods at once, and none goes until the long one
// has heard of it.
type decider struct {
	policy *Policy
	// panicking is since when, or since when again; zero: it does not.
	panicking time.Time
	// panicMost are the most pods that this panic wanted.
	panicMost int32
	delay     highest
}

// newDecider begins with the pods that are ready. If these are several they are
// kept until there is an average over the whole window.
func newDecider(p *Policy, now time.Time, ready int32) *decider {
	d := &decider{policy: p, delay: highest{length: p.ScaleDownDelay.Duration}}
	if ready > 1 {
		d.panicking, d.panicMost = now, ready
	}
	return d
}

// decide returns how many pods the averages want, before the bounds of the
// policy.
func (d *decider) decide(now time.Time, ready int32, stable, burst float64) int32 {
	pods := math.Max(1, float64(ready))
	most, least := math.Ceil(mostGrowth*pods), math.Floor(pods/mostShrink)
	forStable, forBurst := math.Ceil(stable/d.policy.Target), math.Ceil(burst/d.policy.Target)
	bounded := func(wanted float64) int32 {
		n := int32(math.Min(math.Max(wanted, least), most))
		if wanted > 0 && d.policy.ActivationReplicas > 1 {
			n = max(n, d.policy.ActivationReplicas)
		}
		return n
	}
	desired, desiredBurst := bounded(forStable), bounded(forBurst)
	switch over := forBurst/pods >= d.policy.PanicThreshold; {
	case over:
		d.panicking = now
	case d.panics() && d.panicking.Add(d.policy.Window.Duration).Before(now):
		d.panicking, d.panicMost = time.Time{}, 0
	}
	if d.panics() {
		d.panicMost = max(d.panicMost, desired, desiredBurst)
		desired = d.panicMost
	}
	if d.delay.length > 0 {
		desired = d.delay.record(now, desired)
	}
	return desired
}

func (d *decider) panics() bool { return !d.panicking.IsZero() }
