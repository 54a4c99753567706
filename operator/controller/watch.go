package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Indexes of the cache.
const (
	// indexOwner is of the objects of a deployment, by its uid.
	indexOwner = "owner"
	// indexWorkload is of pods, by the name of their Deployment.
	indexWorkload = "workload"
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// watches are the watches of the kinds that deployments own. Those of projects
// that the cluster may lack begin when the kind is served.
type watches struct {
	controller controller.Controller
	cache      cache.Cache
	mapper     meta.RESTMapper
	memory     *memory

	mu   sync.Mutex
	rows []kind
}

// watched lists the kinds that are watched, with their versions.
func (w *watches) watched() []kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[:len(w.rows):len(w.rows)]
}

// row returns a kind as it is watched: by which version.
func (w *watches) row(gk schema.GroupKind) (kind, bool) {
	for _, k := range w.watched() {
		if k.GroupKind() == gk {
			return k, true
		}
	}
	return kind{}, false
}

// ensure watches a kind if it is served, and returns it as it is watched.
func (w *watches) ensure(ctx context.Context, k kind) (kind, bool) {
	if row, ok := w.row(k.GroupKind()); ok {
		return row, true
	}
	if k.Optional {
		mapping, err := w.mapper.RESTMapping(k.GroupKind())
		if err != nil {
			log.FromContext(ctx).V(1).Info("a kind is not served", "kind", k.GroupKind(), "reason", err.Error())
			return kind{}, false
		}
		k.GroupVersionKind = mapping.GroupVersionKind
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.ContainsFunc(w.rows, func(row kind) bool { return row.GroupKind() == k.GroupKind() }) {
		return k, true
	}
	if err := w.watch(ctx, k); err != nil {
		log.FromContext(ctx).Error(err, "a kind cannot be watched", "kind", k.GroupVersionKind)
		return kind{}, false
	}
	w.rows = append(w.rows, k)
	return k, true
}

func (w *watches) watch(ctx context.Context, k kind) error {
	o := unread(k)
	if err := w.cache.IndexField(ctx, o, indexOwner, owners(k)); err != nil {
		return fmt.Errorf("indexing: %w", err)
	}
	return w.controller.Watch(source.Kind(w.cache, o, w.ownerHandler(k), changesSomething()))
}

// owners indexes an object by the deployment that controls it. A ReplicaSet of
// a replaced Deployment belongs to one without being controlled by it.
func owners(k kind) client.IndexerFunc {
	return func(o client.Object) []string {
		var uids []string
		for _, r := range o.GetOwnerReferences() {
			if isDeployment(r) && (r.Controller != nil && *r.Controller || k.Kind == "ReplicaSet") {
				uids = append(uids, string(r.UID))
			}
		}
		return uids
	}
}

func isDeployment(r metav1.OwnerReference) bool {
	gv, err := schema.ParseGroupVersion(r.APIVersion)
	return err == nil && gv.Group == v1.Group && r.Kind == v1.Kind
}

// ownerHandler asks for a pass over the deployment that owns an object.
func (w *watches) ownerHandler(k kind) handler.EventHandler {
	enqueue := func(o client.Object, q queue) {
		for _, r := range o.GetOwnerReferences() {
			if isDeployment(r) {
				q.Add(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: r.Name}})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			enqueue(e.ObjectOld, q) // It may have lost its owner.
			enqueue(e.ObjectNew, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			w.memory.forget(refOf(k.GroupKind(), e.Object))
			enqueue(e.Object, q)
		},
	}
}

// changesSomething lets updates pass that a pass could do something about: not
// those of another's fields, or of a status that is not looked at.
func changesSomething() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld, e.ObjectNew
		if string(ownedFields(before)) != string(ownedFields(after)) ||
			before.GetAnnotations()[AnnotationHash] != after.GetAnnotations()[AnnotationHash] ||
			isServed(before.GetAnnotations()) != isServed(after.GetAnnotations()) ||
			before.GetLabels()[v1.LabelDeploymentID] != after.GetLabels()[v1.LabelDeploymentID] ||
			before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
			!equality.Semantic.DeepEqual(before.GetOwnerReferences(), after.GetOwnerReferences()) ||
			saysSomethingElse(before, after) {
			return true
		}
		a, aIs := before.(*appsv1.Deployment)
		b, bIs := after.(*appsv1.Deployment)
		return aIs && bIs && (a.Generation != b.Generation || !equality.Semantic.DeepEqual(a.Status, b.Status))
	}}
}

// changesDeployment lets updates of deployments pass that are not of their
// status, which is our own work.
func changesDeployment() predicate.Predicate {
	return predicate.Or(predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}, predicate.AnnotationChangedPredicate{})
}

// ownerOfPod asks for a pass over the deployment of a pod in trouble.
func ownerOfPod(c client.Reader) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			return nil
		}
		d := &appsv1.Deployment{}
		if err := c.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: workloadOf(pod)}, d); err != nil {
			return nil // It is not ours, or is gone.
		}
		owner := metav1.GetControllerOf(d)
		if owner == nil || !isDeployment(*owner) {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}}}
	})
}

// changesTrouble lets pods pass whose trouble is another one than before.
func changesTrouble() predicate.Predicate {
	trouble := func(o client.Object) string {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			return ""
		}
		reason, message := podTrouble(pod)
		return reason + message
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return trouble(e.Object) != "" },
		UpdateFunc: func(e event.UpdateEvent) bool { return trouble(e.ObjectOld) != trouble(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool { return trouble(e.Object) != "" },
	}
}

// allIn asks for a pass over all deployments of a namespace that fit; of all
// namespaces for an object that is in none, which is a namespace itself or a
// setting of the operator.
func allIn(c client.Reader, namespace func(client.Object) string, fits func(client.Object, *v1.SeldonDeployment) bool) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		list := newDeploymentList()
		if err := c.List(ctx, list, client.InNamespace(namespace(o))); err != nil {
			log.FromContext(ctx).Error(err, "deployments cannot be listed")
			return nil
		}
		var all []reconcile.Request
		for i := range list.Items {
			u := &list.Items[i]
			if fits != nil {
				d, _, err := decode(u)
				if err != nil || !fits(o, d) {
					continue
				}
			}
			all = append(all, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(u)})
		}
		return all
	})
}
