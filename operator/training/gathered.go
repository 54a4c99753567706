package training

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// gathering is for how long changes of pods and Services are gathered before their job
// is looked at. The pods of a job are made, and change, one right after the other.
const gathering = 100 * time.Millisecond

// gathered has a handler's requests wait for those that follow them. That pods are there
// is told after new jobs have got theirs.
func gathered(h handler.EventHandler) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			h.Create(ctx, e, later(q, handler.LowPriority))
		},
		UpdateFunc:  func(ctx context.Context, e event.UpdateEvent, q queue) { h.Update(ctx, e, later(q, 0)) },
		DeleteFunc:  func(ctx context.Context, e event.DeleteEvent, q queue) { h.Delete(ctx, e, later(q, 0)) },
		GenericFunc: func(ctx context.Context, e event.GenericEvent, q queue) { h.Generic(ctx, e, later(q, 0)) },
	}
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// later is a queue whose requests come a little later, each of them once.
func later(q queue, priority int) queue {
	if p, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		return waiting{p, priority}
	}
	return q
}

type waiting struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	// priority is the highest that a request may have.
	priority int
}

func (w waiting) Add(r reconcile.Request) { w.AddWithOpts(priorityqueue.AddOpts{}, r) }

func (w waiting) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	o.After = max(o.After, gathering)
	priority := w.priority
	if o.Priority != nil {
		priority = min(priority, *o.Priority)
	}
	o.Priority = &priority
	w.PriorityQueue.AddWithOpts(o, requests...)
}
