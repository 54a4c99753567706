package scaling

import (
	"fmt"
	"time"
)

// Observed is what a decision needs to know of a Deployment.
type Observed struct {
	// Replicas are those that it asks for, Ready those that serve.
	Replicas, Ready int32
}

// Reason says in a word why a number of pods is wanted.
type Reason string

// The reasons.
const (
	ReasonNoData  Reason = "NoData"
	ReasonLoad    Reason = "Load"
	ReasonBurst   Reason = "Burst"
	ReasonMinimum Reason = "MinReplicas"
	ReasonMaximum Reason = "MaxReplicas"
	ReasonIdle    Reason = "Idle"
	ReasonZero    Reason = "ScaledToZero"
	ReasonActive  Reason = "RecentlyActive"
)

// Decision is what is wanted of a Deployment.
type Decision struct {
	// Replicas are how many pods it should have; those it has where Reason is
	// [ReasonNoData].
	Replicas int32
	// Keep: activators should be endpoints of its fronts, since there is no pod,
	// or soon will be none.
	Keep bool
	// Panic: a burst keeps pods from going.
	Panic  bool
	Reason Reason
	// Stable and Burst are the averages of the metric over the long and the
	// short window.
	Stable, Burst float64
	// Message is the decision in words.
	Message string
}

// Component decides for one Deployment, from what is recorded of its load. It is
// not safe for concurrent use.
type Component struct {
	policy Policy
	// stable and burst have the averages of each second.
	stable, burst *window
	decider       *decider
	// awake is when there began to be pods: at the latest when this began.
	awake time.Time
	// idle is since when no pod is wanted; zero: some are.
	idle time.Time
	// told is the second up to which load was recorded.
	told int64
}

// NewComponent begins at a time, with what there is then.
func NewComponent(p Policy, now time.Time, o Observed) *Component {
	return &Component{
		policy: p, stable: newWindow(p.Window.Duration), burst: newWindow(p.PanicWindow.Duration),
		decider: newDecider(&p, now, o.Ready), awake: now,
	}
}

// Policy is what it decides by.
func (c *Component) Policy() Policy { return c.policy }

// Record notes the load since the last record: the average of the metric over
// all pods, or the sum over a second. Each second since then gets it.
func (c *Component) Record(now time.Time, load float64) {
	second := now.Unix()
	from := max(c.told+1, second-c.stable.length()+1)
	if c.told == 0 {
		from = second
	}
	for s := from; s <= second; s++ {
		c.stable.record(time.Unix(s, 0), load)
		c.burst.record(time.Unix(s, 0), load)
	}
	c.told = max(c.told, second)
}

// Wake returns how many pods a Deployment should have at least, now that a
// request waits for one.
func (c *Component) Wake(now time.Time) int32 {
	c.awake, c.idle = now, time.Time{}
	return c.policy.ActivationReplicas
}

// Decide says how many pods there should be.
func (c *Component) Decide(now time.Time, o Observed) Decision {
	if o.Replicas == 0 {
		c.told = max(c.told, now.Unix()) // What is told next is about the time from now on.
		// Load at no pods is what activators keep; without any, nothing is wanted.
		if c.stable.empty(now) {
			return c.rest(now, o, Decision{})
		}
	} else if c.stable.empty(now) {
		return Decision{Replicas: o.Replicas, Keep: c.policy.MinReplicas == 0 && o.Ready == 0, Reason: ReasonNoData, Message: fmt.Sprintf("%s stay: none has told of its requests yet", pods(o.Replicas))}
	}
	d := Decision{Stable: c.stable.average(now), Burst: c.burst.average(now)}
	wanted := c.decider.decide(now, o.Ready, d.Stable, d.Burst)
	d.Replicas, d.Panic, d.Reason = c.policy.Bounded(wanted), c.decider.panics(), ReasonLoad
	switch {
	case d.Replicas > wanted:
		d.Reason = ReasonMinimum
	case d.Replicas < wanted:
		d.Reason = ReasonMaximum
	case d.Panic:
		d.Reason = ReasonBurst
	}
	if d.Replicas == 0 {
		return c.rest(now, o, d)
	}
	c.idle = time.Time{}
	d.Keep = c.policy.MinReplicas == 0 && o.Ready == 0
	d.Message = c.words(d, wanted)
	return d
}

// rest keeps the last pod until it has been idle for long enough.
func (c *Component) rest(now time.Time, o Observed, d Decision) Decision {
	d.Keep = true
	if c.idle.IsZero() {
		c.idle = now
	}
	least := c.policy.Bounded(0)
	grace, recent := c.policy.GracePeriod.Duration-now.Sub(c.idle), c.policy.Window.Duration-now.Sub(c.awake)
	switch {
	case least > 0:
		d.Replicas, d.Reason, d.Keep = least, ReasonMinimum, false
		d.Message = fmt.Sprintf("%s: the least that there are", pods(least))
	case o.Replicas == 0:
		d.Reason, d.Message = ReasonZero, "no pods: no requests"
	case recent > 0:
		d.Replicas, d.Reason, d.Keep = 1, ReasonActive, o.Ready == 0
		d.Message = fmt.Sprintf("1 pod stays, since it was woken less than %s ago", c.policy.Window)
		c.idle = time.Time{}
	case grace > 0:
		d.Replicas, d.Reason = 1, ReasonIdle
		d.Message = fmt.Sprintf("1 pod stays for %s, then none: there were no requests for %s", c.policy.GracePeriod, c.policy.Window)
	default:
		d.Reason = ReasonZero
		d.Message = fmt.Sprintf("no pods: there were no requests for %s", c.policy.Window.Duration+c.policy.GracePeriod.Duration)
	}
	return d
}

// words says what is decided, and from what.
func (c *Component) words(d Decision, wanted int32) string {
	what, average, over := "requests at once", d.Stable, c.policy.Window.Duration
	if c.policy.Metric == RPS {
		what = "requests a second"
	}
	if d.Panic && d.Burst > d.Stable {
		average, over = d.Burst, c.policy.PanicWindow.Duration
	}
	text := fmt.Sprintf("%s: %.3g %s in the last %s, of which a pod should have %.3g", pods(d.Replicas), average, what, over, c.policy.Target)
	switch d.Reason {
	case ReasonMinimum:
		text += ", and the least that there are"
	case ReasonMaximum:
		text += fmt.Sprintf(", and the most that there may be; %d are wanted", wanted)
	case ReasonBurst:
		text += "; none goes within " + c.policy.Window.String() + " of a burst"
	}
	return text
}

// Bounded keeps a number of pods between the least and the most of the policy.
func (p *Policy) Bounded(n int32) int32 {
	n = max(n, p.MinReplicas)
	if p.MaxReplicas > 0 {
		n = min(n, p.MaxReplicas)
	}
	return n
}

func pods(n int32) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}
