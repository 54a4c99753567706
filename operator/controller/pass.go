package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// pass is one look at a deployment: what is known, and what came of it.
type pass struct {
	*Reconciler
	*facts
	desired []Desired
	// workloads are the Deployments as they are after the pass. One that was
	// written but not seen yet is missing.
	workloads map[string]*appsv1.Deployment
	changes   Changes
	// trafficBehind: requests are led where the deployment no longer wants them to.
	trafficBehind bool
	// refused are objects that cannot be applied before somebody changes
	// something.
	refused []refused
	// waiting says what is put off, and until when.
	waiting []string
	// again is when to look again though nothing changes; 0: not.
	again time.Duration
}

func (p *pass) name() types.NamespacedName { return client.ObjectKeyFromObject(p.stored) }

// step is one part of a pass. Each reads what the ones before it left.
type step struct {
	name string
	run  func(*pass, context.Context) error
}

func steps() []step {
	return []step{
		{"expanding", (*pass).expandObjects},
		{"removing autoscalers", (*pass).removeScalers},
		{"applying workloads", (*pass).applyWorkloads},
		{"switching routes", (*pass).switchTraffic},
		{"removing what is no longer wanted", (*pass).prune},
	}
}

// run brings the cluster closer to what the deployment asks for. A deployment
// with errors changes nothing: what serves goes on serving.
func (p *pass) run(ctx context.Context) error {
	p.workloads = map[string]*appsv1.Deployment{}
	for _, o := range p.live {
		if d, ok := o.(*appsv1.Deployment); ok {
			p.workloads[d.Name] = d
		}
	}
	if p.inForce == nil || p.problems.Err() != nil {
		return nil
	}
	for _, s := range steps() {
		if err := s.run(p, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (p *pass) expandObjects(context.Context) error {
	objects, err := expand.Expand(expand.Input{
		Deployment: p.deployment,
		Config:     p.inForce.Config,
		Facts:      p.secrets,
		Servers:    p.inForce.Servers,
	})
	if err != nil {
		// Validation missed it; to the user it is the same.
		p.problems = append(p.problems, v1.Problem{Severity: v1.SeverityError, Path: "spec", Message: err.Error()})
		return nil
	}
	for _, o := range objects {
		d, err := Prepare(o)
		if err != nil {
			return err
		}
		p.desired = append(p.desired, d)
	}
	return nil
}

// applyWorkloads applies everything but what leads requests to
// a deployment.
func (p *pass) applyWorkloads(ctx context.Context) error {
	for _, d := range p.desired {
		if d.rank.OfTraffic() {
			continue
		}
		if err := p.apply(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// look is what is known of a wanted object.
type look struct {
	live client.Object // nil: it is not there
	// current: nothing is left to do. unseen: it was written, and what is read
	// is older.
	current, unseen bool
}

func (p *pass) look(ctx context.Context, d Desired) (look, error) {
	k, ok := p.watches.ensure(ctx, d.kind)
	if !ok {
		return look{}, nil
	}
	l := look{live: p.live[d.ref]}
	if l.live == nil {
		var err error
		if l.live, err = p.find(ctx, k, d.ref); err != nil {
			return look{}, err
		}
	}
	last, known := p.memory.recall(d.ref)
	switch {
	case known && last.hash == d.hash && (l.live == nil && p.now().Sub(last.at) < memoryLasts ||
		l.live != nil && isOlder(l.live.GetResourceVersion(), last.version)):
		l.current, l.unseen = true, true
	case l.live != nil:
		l.current = metav1.IsControlledBy(l.live, p.stored) && d.isCurrent(l.live, last)
	}
	return l, nil
}

// apply applies one object unless it is as it should be. What only the user
// can mend is noted, and the pass goes on.
func (p *pass) apply(ctx context.Context, d Desired) error {
	l, err := p.look(ctx, d)
	if err != nil {
		return err
	}
	if l.unseen {
		delete(p.workloads, d.ref.Name)
		p.lookAgain(memoryLasts)
	}
	if l.current {
		p.changes = append(p.changes, Change{Unchanged, d.kind.Noun, d.ref.Name})
		return nil
	}
	if l.live != nil && l.live.GetDeletionTimestamp() != nil {
		delete(p.workloads, d.ref.Name)
		p.wait("%s is being deleted", d.ref)
		return nil
	}
	if old, ok := l.live.(*appsv1.Deployment); ok && !sameSelector(d, old) {
		return p.replace(ctx, d, old)
	}
	answer, err := p.applier.Apply(ctx, d, orNil(l.live))
	var r refused
	if errors.As(err, &r) {
		p.refused = append(p.refused, r)
		return nil
	}
	if err != nil {
		return err
	}
	p.memory.remember(d.ref, d.hash, answer)
	p.noteApplied(d, l.live, answer)
	if d.kind.GroupKind() != workloadKind() {
		return nil
	}
	w := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(answer.Object, w); err != nil {
		return fmt.Errorf("reading %s: %w", d.ref, err)
	}
	p.workloads[w.Name] = w
	return nil
}

// orNil keeps a nil object a nil interface.
func orNil(o client.Object) metav1.Object {
	if o == nil {
		return nil
	}
	return o
}

func (p *pass) noteApplied(d Desired, live client.Object, answer metav1.Object) {
	action := Created
	switch {
	case live != nil && live.GetResourceVersion() == answer.GetResourceVersion():
		action = Unchanged
	case live != nil:
		action = Configured
	}
	p.changes = append(p.changes, Change{action, d.kind.Noun, d.ref.Name})
}

// remove deletes an object that the deployment owns.
func (p *pass) remove(ctx context.Context, k kind, o client.Object, options ...client.DeleteOption) error {
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := o.GetUID()
	target := metadata(k.GroupVersionKind)
	target.SetName(o.GetName())
	target.SetNamespace(o.GetNamespace())
	options = append(options, client.Preconditions{UID: &uid})
	if len(options) == 1 {
		options = append(options, client.PropagationPolicy(metav1.DeletePropagationBackground))
	}
	if err := p.client.Delete(ctx, target, options...); err != nil {
		return client.IgnoreNotFound(err)
	}
	r := refOf(k.GroupKind(), o)
	p.memory.forget(r)
	delete(p.live, r)
	p.changes = append(p.changes, Change{Deleted, k.Noun, o.GetName()})
	return nil
}

// wait notes what is put off; the event that ends it brings the next pass.
func (p *pass) wait(format string, args ...any) {
	p.waiting = append(p.waiting, fmt.Sprintf(format, args...))
}

// lookAgain asks for another pass after at most d.
func (p *pass) lookAgain(d time.Duration) {
	if p.again == 0 || d < p.again {
		p.again = d
	}
}

// wants reports whether a live object is among the desired ones.
func (p *pass) wants(r ref) bool {
	return slices.ContainsFunc(p.desired, func(d Desired) bool { return d.ref == r })
}
