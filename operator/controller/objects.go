package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// objects reads and writes the objects of deployments, one at a time, and
// remembers what it wrote.
type objects struct {
	// cache reads what watches have brought, direct reads the API server, client
	// writes.
	cache, direct client.Reader
	client        client.Client
	applier       *Applier
	watches       *watches
	memory        *memory
	now           func() time.Time
}

// find reads an object of a wanted name that the deployment does not own; nil
// if it is not there, as far as is known.
func (o *objects) find(ctx context.Context, k kind, name ref) (client.Object, error) {
	live := unread(k)
	if err := o.cache.Get(ctx, name.NamespacedName, live); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return live, nil
}

// look is what is known of a wanted object.
type look struct {
	live client.Object // nil: it is not there
	// current: nothing is left to do. unseen: it was written, and what is read
	// is older.
	current, unseen bool
}

func (o *objects) look(ctx context.Context, p *pass, d Desired) (look, error) {
	k, ok := o.watches.ensure(ctx, d.kind)
	if !ok {
		return look{}, nil
	}
	l := look{live: p.live[d.ref]}
	if l.live == nil {
		var err error
		if l.live, err = o.find(ctx, k, d.ref); err != nil {
			return look{}, err
		}
	}
	last, known := o.memory.recall(d.ref)
	switch {
	case known && last.hash == d.hash && (l.live == nil && o.now().Sub(last.at) < memoryLasts ||
		l.live != nil && isOlder(l.live.GetResourceVersion(), last.version)):
		l.current, l.unseen = true, true
	case l.live != nil:
		l.current = metav1.IsControlledBy(l.live, p.stored) && d.isCurrent(l.live, last)
		if l.current && !known {
			o.memory.remember(d.ref, d.hash, l.live) // So it is found out once after a start.
		}
	}
	return l, nil
}

// apply applies one object unless it is as it should be. What only the user
// can mend is noted, and the pass goes on.
func (o *objects) apply(ctx context.Context, p *pass, d Desired) error {
	l, err := o.look(ctx, p, d)
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
		return o.replace(ctx, p, d, old)
	}
	answer := unanswered(d)
	err = o.applier.Apply(ctx, d, orNil(l.live), answer)
	var r refused
	if errors.As(err, &r) {
		p.refused = append(p.refused, r)
		return nil
	}
	if err != nil {
		return err
	}
	o.memory.remember(d.ref, d.hash, answer)
	p.noteApplied(d, l.live, answer)
	if w, ok := answer.(*appsv1.Deployment); ok {
		p.workloads[w.Name] = w
	}
	return nil
}

// unanswered is an object to read the answer to an apply into: the status is
// made of those of Deployments, and of all else nobody looks at more than the
// metadata.
func unanswered(d Desired) client.Object {
	if d.kind.GroupKind() == workloadKind() {
		return &appsv1.Deployment{}
	}
	return metadata(d.kind.GroupVersionKind)
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
func (o *objects) remove(ctx context.Context, p *pass, s staleObject, options ...client.DeleteOption) error {
	if s.GetDeletionTimestamp() != nil {
		return nil
	}
	uid := s.GetUID()
	target := metadata(s.GroupVersionKind)
	target.SetName(s.GetName())
	target.SetNamespace(s.GetNamespace())
	options = append(options, client.Preconditions{UID: &uid})
	if len(options) == 1 {
		options = append(options, client.PropagationPolicy(metav1.DeletePropagationBackground))
	}
	if err := o.client.Delete(ctx, target, options...); err != nil {
		return client.IgnoreNotFound(err)
	}
	r := refOf(s.GroupKind(), s)
	o.memory.forget(r)
	delete(p.live, r)
	p.changes = append(p.changes, Change{Deleted, s.Noun, s.GetName()})
	return nil
}
