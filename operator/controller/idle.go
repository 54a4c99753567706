package controller

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

const (
	// startingTakes is how long a predictor may be without pods that never had
	// one, as far as is known, before the others get its share.
	startingTakes = 30 * time.Second
	// lossesCount is how long the loss of a predictor's last pod counts. Who lost
	// it twice in that time gets its share back when pods have been there for
	// steadyAfter, so that pods that crash again and again do not move the traffic
	// each time.
	lossesCount = 5 * time.Minute
	steadyAfter = 15 * time.Second
)

// presence is what is remembered of the pods that take a predictor's requests.
type presence struct {
	// up: there is one, since a time.
	up    bool
	since time.Time
	// lost is when the last one went, though one was asked for.
	lost []time.Time
}

// see notes whether a predictor has such a pod, and whether one is asked for. It
// returns what is remembered.
func (m *memory) see(deployment types.NamespacedName, predictor string, up, asked bool) presence {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.presences[deployment]
	if all == nil {
		all = map[string]presence{}
		m.presences[deployment] = all
	}
	now := m.now()
	p, known := all[predictor]
	if !known || p.up != up {
		if known && !up && asked {
			p.lost = append(p.lost, now)
		}
		p.up, p.since = up, now
	}
	p.lost = slices.DeleteFunc(slices.Clone(p.lost), func(t time.Time) bool { return now.Sub(t) > lossesCount })
	all[predictor] = p
	return p
}

// withoutPods finds the predictors whose share of the requests goes to others,
// since they have no pods: those that lost them at once, those that may be
// starting after a while. Only predictors that requests are led to count: the
// traffic is not switched to one that never came up.
func (o *objects) withoutPods(p *pass) map[string]bool {
	shares := p.shares()
	if len(shares) < 2 {
		return nil
	}
	found := map[string]bool{}
	for i := range p.deployment.Spec.Predictors {
		spec := &p.deployment.Spec.Predictors[i]
		share, led := shares[spec.Name]
		if !led || spec.Traffic == 0 || spec.Shadow || p.deployment.KeepsTraffic(spec) {
			continue
		}
		pods, known := p.podsOf(spec)
		if !known {
			if share == 0 {
				found[spec.Name] = true
			}
			continue
		}
		seen := o.memory.see(p.name(), spec.Name, pods.up, pods.asked)
		since := o.now().Sub(seen.since)
		switch {
		case pods.up && share == 0 && len(seen.lost) > 1 && since < steadyAfter:
			found[spec.Name] = true
			p.lookAgain(steadyAfter - since)
		case pods.up:
		case share == 0 || !pods.asked || len(seen.lost) > 0 || since >= startingTakes:
			found[spec.Name] = true
		default:
			p.lookAgain(startingTakes - since)
		}
	}
	return found
}

// frontPods tells of the pods that take a predictor's requests: whether there is
// one that serves, and whether any is asked for.
type frontPods struct{ up, asked bool }

// podsOf is false if a Deployment of such pods has not been seen yet.
func (p *pass) podsOf(spec *v1.PredictorSpec) (frontPods, bool) {
	var pods frontPods
	for _, front := range p.frontsOf(spec) {
		now := p.workloads[front.Name]
		if now == nil {
			return frontPods{}, false
		}
		n := wanted(now)
		if front.Spec.Replicas != nil {
			n = *front.Spec.Replicas
		}
		pods.up = pods.up || now.Status.AvailableReplicas > 0
		pods.asked = pods.asked || n > 0
	}
	return pods, true
}

// frontsOf are the Deployments, as they should be, whose pods take the requests
// of a predictor.
func (p *pass) frontsOf(spec *v1.PredictorSpec) []*appsv1.Deployment {
	var fronts []*appsv1.Deployment
	for _, d := range p.desired {
		if w, ok := d.object.(*appsv1.Deployment); ok && expand.IsFront(w, p.deployment, spec) {
			fronts = append(fronts, w)
		}
	}
	return fronts
}

// shares tells how the objects that there are divide requests; nil: they lead to
// one predictor, or do not tell.
func (p *pass) shares() map[string]int32 {
	for _, r := range slices.SortedFunc(maps.Keys(p.live), byName) {
		if shares := expand.Shares(p.live[r].GetAnnotations()[expand.AnnotationShares]); shares != nil {
			return shares
		}
	}
	return nil
}

// wantedShares tells how they are to divide requests.
func (p *pass) wantedShares() map[string]int32 {
	for _, d := range p.desired {
		if shares := expand.Shares(d.object.GetAnnotations()[expand.AnnotationShares]); shares != nil {
			return shares
		}
	}
	return nil
}

func byName(a, b ref) int { return strings.Compare(a.String(), b.String()) }

// moved tells which predictors get no requests as they have no pods.
func (p *pass) moved() string {
	shares := p.wantedShares()
	var lines []string
	for i := range p.deployment.Spec.Predictors {
		spec := &p.deployment.Spec.Predictors[i]
		if share, led := shares[spec.Name]; led && share == 0 && spec.Traffic > 0 {
			lines = append(lines, fmt.Sprintf("predictor %s has no pods that serve: its %d %% of the requests go to the others", spec.Name, spec.Traffic))
		}
	}
	return strings.Join(lines, "\n")
}
