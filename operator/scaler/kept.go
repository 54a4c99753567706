package scaler

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
)

// Kept says whether requests to a Service that is a front are kept while there is no
// pod: one of its endpoints is an activator that is ready, and that has said that it
// serves the front.
type Kept struct {
	Kept bool
	// Reason is a word, and Message a sentence, for why they are not. Without a reason
	// it passes by itself.
	Reason, Message string
}

// keptFront is what is known of a front.
type keptFront struct {
	Kept
	uid types.UID
	// owner is the SeldonDeployment of its Deployment; empty: there is none.
	owner types.NamespacedName
}

// Kept returns whether requests to a Service are kept; false: it is not known yet.
func (s *Scaler) Kept(service types.NamespacedName, uid types.UID) (kept Kept, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.keeps[service]
	return f.Kept, ok && f.uid == uid
}

// OnChange has somebody told of each SeldonDeployment of which [Scaler.Kept] says
// something else than before, or whose last pod begins or ceases to stay for want of
// activators. It is called before the scaler runs, and tell may block until ctx ends.
func (s *Scaler) OnChange(tell func(ctx context.Context, deployment types.NamespacedName)) {
	s.changed = tell
}

// keep finds out whether requests to a front are kept. failure is what kept it from
// being led to activators; nil: nothing did.
func (a *answers) keep(f *front, failure error) Kept {
	for _, family := range families() {
		for _, ip := range a.ledTo(f, family) {
			report, told := a.kept[ip]
			if a.named(ip) != "" && !a.silent[ip] && (!told || report.Ports[f.name.String()] == f.port) {
				return Kept{Kept: true}
			}
		}
	}
	switch {
	case failure != nil:
		return Kept{Reason: string(reasonNoActivator), Message: failure.Error()}
	case len(a.activators) == 0:
		return Kept{Reason: string(reasonNoActivator), Message: fmt.Sprintf("no activator is ready, and nothing else keeps requests to Service %s", f.name.Name)}
	}
	return Kept{Message: fmt.Sprintf("no activator serves Service %s yet", f.name.Name)}
}

// tell takes over what was found of all fronts, and tells of those SeldonDeployments of
// which that is something new, and of others.
func (s *Scaler) tell(ctx context.Context, now map[types.NamespacedName]keptFront, others map[types.NamespacedName]bool) {
	s.mu.Lock()
	before := s.keeps
	s.keeps = now
	s.mu.Unlock()
	if s.changed == nil {
		return
	}
	for name, f := range now {
		// What is said of a failure may be another text each time.
		if was := before[name]; was.uid != f.uid || was.Kept.Kept != f.Kept.Kept || was.Reason != f.Reason {
			others[f.owner] = true
		}
	}
	for deployment := range others {
		if deployment.Name != "" {
			s.changed(ctx, deployment)
		}
	}
}
