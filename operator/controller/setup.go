package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/operator/reach"
	"github.com/prime-radiant/radiant/operator/versions"
)

// addController gives the manager the controller with all its watches.
func addController(m manager.Manager, o Options) (*Reconciler, error) {
	metrics, err := newMetrics(runtimemetrics.Registry)
	if err != nil {
		return nil, err
	}
	// Not the manager's client: that one reads from the cache.
	direct, err := client.New(o.Cluster, client.Options{
		HTTPClient: m.GetHTTPClient(), Scheme: m.GetScheme(), Mapper: &mappings{RESTMapper: m.GetRESTMapper()},
	})
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	w := &objects{
		cache:   m.GetCache(),
		direct:  direct,
		client:  direct,
		applier: &Applier{Client: direct},
		memory:  newMemory(now),
		now:     now,
	}
	r := &Reconciler{
		objects:  w,
		settings: newSettings(m, o, metrics),
		scope:    o.Scope,
		recorder: events.New(m, recorderName),
		metrics:  metrics,
		scales:   o.Scaling,
	}
	ask := reaching{timeout: o.Answer, settle: o.Settle}
	found := make(chan event.GenericEvent)
	look := func(ctx context.Context, deployment types.NamespacedName) {
		d := newDeployment()
		d.SetNamespace(deployment.Namespace)
		d.SetName(deployment.Name)
		select {
		case found <- event.GenericEvent{Object: d}:
		case <-ctx.Done():
		}
	}
	asksVersions := versions.New(versions.Options{
		Targets: func(ctx context.Context) ([]versions.Target, error) { return refreshedPods(ctx, m.GetCache()) },
		Changed: look, Log: o.Log, Every: o.VersionsEvery, Dial: o.Dial,
	})
	if err := m.Add(manager.RunnableFunc(asksVersions.Start)); err != nil {
		return nil, err
	}
	r.found = asksVersions.Known
	if o.Scaling != nil {
		o.Scaling.OnChange(look)
	}
	if o.Answer > 0 {
		a := reach.New(reach.Options{
			Targets: addresses{direct}.targets, Timeout: o.Answer, Settle: o.Settle, Changed: look,
		})
		if err := m.Add(manager.RunnableFunc(a.Start)); err != nil {
			return nil, err
		}
		r.asker, ask.asker = a, a
	}
	r.steps = steps(w, o.Drain, ask)
	c, err := controller.New("seldondeployment", m, controller.Options{
		Reconciler: r,
		// What fails once may go well the next moment; what goes on failing is
		// tried again often enough for somebody who has just mended it.
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
	})
	if err != nil {
		return nil, err
	}
	w.watches = &watches{controller: c, cache: m.GetCache(), mapper: m.GetRESTMapper(), memory: w.memory}
	if err := c.Watch(source.Channel(found, &handler.EnqueueRequestForObject{})); err != nil {
		return nil, err
	}
	return r, r.watchAll(m, c)
}

// watchAll starts the watches. Optional kinds that are not served yet are
// looked for again when a deployment wants them.
func (r *Reconciler) watchAll(m manager.Manager, c controller.Controller) error {
	ctx := context.Background() // Nothing waits here: informers start with the manager.
	if err := m.GetCache().IndexField(ctx, &corev1.Pod{}, indexWorkload, func(o client.Object) []string {
		if pod, ok := o.(*corev1.Pod); ok {
			return []string{workloadOf(pod)}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("indexing pods: %w", err)
	}
	for _, k := range kinds() {
		if _, ok := r.objects.watches.ensure(ctx, k); !ok && !k.Optional {
			return fmt.Errorf("watching %s: see the log", k.GroupVersionKind)
		}
	}
	sources := []source.Source{
		source.Kind[client.Object](m.GetCache(), newDeployment(), &handler.EnqueueRequestForObject{}, changesDeployment()),
		source.Kind[client.Object](m.GetCache(), &corev1.Pod{}, ownerOfPod(r.objects.cache), changesTrouble()),
		source.Kind[client.Object](m.GetCache(), &corev1.Pod{}, ownerOfUntold(r.objects.cache), changesTold()),
		source.Kind[client.Object](m.GetCache(), &corev1.ConfigMap{},
			allIn(r.objects.cache, func(client.Object) string { return "" }, nil), predicate.ResourceVersionChangedPredicate{}),
		source.Kind[client.Object](m.GetCache(), &corev1.ServiceAccount{},
			allIn(r.objects.cache, client.Object.GetNamespace, fetchesAs), listsOtherSecrets()),
	}
	if r.scope.Namespace == "" {
		sources = append(sources, source.Kind[client.Object](m.GetCache(), metadata(namespaceKind()),
			allIn(r.objects.cache, client.Object.GetName, nil), changesLabels()))
	}
	for _, s := range sources {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// fetchesAs reports whether a deployment fetches models as a service account.
func fetchesAs(account client.Object, d *v1.SeldonDeployment) bool {
	return slices.Contains(expand.Accounts(d), account.GetName())
}

// listsOtherSecrets lets service accounts pass that list other Secrets than
// before. A start looks at every deployment anyhow.
func listsOtherSecrets() predicate.Predicate {
	secrets := func(o client.Object) []corev1.ObjectReference {
		if a, ok := o.(*corev1.ServiceAccount); ok {
			return a.Secrets
		}
		return nil
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList && len(secrets(e.Object)) > 0 },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return !equality.Semantic.DeepEqual(secrets(e.ObjectOld), secrets(e.ObjectNew))
		},
		DeleteFunc: func(e event.DeleteEvent) bool { return len(secrets(e.Object)) > 0 },
	}
}

func changesLabels() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetLabels()[v1.LabelControllerID] != e.ObjectNew.GetLabels()[v1.LabelControllerID]
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
