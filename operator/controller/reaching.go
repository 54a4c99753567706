package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/reach"
)

var _ step = reaching{}

// reaching finds out whether requests reach the deployment from outside.
// Gateways need a moment to follow routes and pods, and this one asks them
// meanwhile; the pass does not wait.
type reaching struct {
	asker asker // nil: nobody is asked
	// timeout and settle are how long a way gets that does not answer, and one
	// that cannot be asked.
	timeout, settle time.Duration
}

// asker asks from outside. What it has found changes only with a pass after it.
type asker interface {
	Find(reach.Subject) reach.Finding
	Knows(types.NamespacedName) bool
	Believe(reach.Subject, reach.Finding)
	Forget(types.NamespacedName)
}

func (reaching) String() string { return "asking whether requests reach the deployment" }

func (s reaching) run(_ context.Context, p *pass) error {
	questions := expand.Questions(p.deployment, p.inForce.Config)
	if s.asker == nil || len(questions) == 0 {
		return nil
	}
	p.reach = &v1.Condition{Type: v1.ConditionReachable, Status: metav1.ConditionUnknown}
	fronts := p.fronts()
	if len(fronts) == 0 {
		s.asker.Forget(p.name())
		p.reach.Reason, p.reach.Message = reasonWaiting, "no pod that requests go to is ready"
		return nil
	}
	subject := reach.Subject{Name: p.name(), Questions: questions, Fronts: fronts}
	before := p.storedCondition(v1.ConditionReachable)
	if p.trafficBehind || len(p.refused) > 0 {
		// Requests go where they went before.
		*p.reach = cmp.Or(before, *p.reach)
		return nil
	}
	if !s.asker.Knows(p.name()) {
		if f, ok := s.toldBefore(p, before); ok {
			s.asker.Believe(subject, f)
		}
	}
	s.tell(p, s.asker.Find(subject), questions)
	return nil
}

// toldBefore is what an operator before this one found, of the same deployment
// and with the same routes.
func (reaching) toldBefore(p *pass, before v1.Condition) (reach.Finding, bool) {
	if before.ObservedGeneration != p.stored.GetGeneration() ||
		slices.ContainsFunc(p.changes, func(c Change) bool { return c.Action != Unchanged }) {
		return reach.Finding{}, false
	}
	verdicts := map[string]reach.Verdict{reasonReady: reach.Answered, reasonSilent: reach.Silent, reasonUnasked: reach.Unasked}
	verdict, ok := verdicts[before.Reason]
	said, _, _ := strings.Cut(before.Message, saidBefore)
	return reach.Finding{Verdict: verdict, Said: said}, ok
}

// saidBefore is what a message tells after what was found.
const saidBefore = ". "

// tell makes the condition of what was found.
func (s reaching) tell(p *pass, f reach.Finding, questions []expand.Question) {
	c := p.reach
	switch f.Verdict {
	case reach.Answered:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, reasonReady, f.Said
	case reach.Silent:
		c.Reason = reasonSilent
		c.Message = f.Said + saidBefore + fmt.Sprintf("The deployment counts as ready after %s all the same, and this is asked again each minute", s.timeout)
	case reach.Unasked:
		c.Reason = reasonUnasked
		c.Message = f.Said + saidBefore + fmt.Sprintf("The deployment counts as ready after %s, without having been asked", s.settle)
	case reach.Asking:
		var ways []string
		for i := range questions {
			ways = append(ways, questions[i].Way)
		}
		who := "pods are ready"
		if p.asleep() {
			who = "activators keep requests"
		}
		c.Status, c.Reason = metav1.ConditionFalse, reasonAsking
		c.Message = fmt.Sprintf("%s, and %s is asked whether it leads to them", who, strings.Join(ways, " and "))
	}
}

// fronts names the Deployments that requests go to first and whose requests a pod
// answers, or an activator keeps, sorted.
func (p *pass) fronts() []string {
	var names []string
	for _, spec := range answering(p.deployment) {
		for _, w := range p.frontsOf(spec) {
			now := p.workloads[w.Name]
			if now == nil || now.Status.AvailableReplicas == 0 && !wakes(w) {
				continue
			}
			if reason, _ := p.unkept(w, now); reason == "" {
				names = append(names, w.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// storedCondition is a condition as it was when the pass began.
func (p *pass) storedCondition(name string) v1.Condition {
	for _, c := range p.deployment.Status.Conditions {
		if c.Type == name {
			return c
		}
	}
	return v1.Condition{}
}
