package training

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/operator/events"
)

// othersPatience is how long an operator of others may take to say something of a new
// job: it may just be starting, or change its leader.
const othersPatience = 30 * time.Second

// onlooker tells of the jobs of a kind that are left to others, since its definition
// is not Radiant's: each new job has an event that says so, and a warning if nobody
// looks after it. It writes no status, which is that of the operator which runs the
// job: Kubeflow's takes a job that has any condition for one that it has seen.
type onlooker struct {
	kind     kind
	cache    cache.Cache
	recorder events.Recorder
	now      func() time.Time
	// since is when it began to look: of older jobs that somebody runs nothing is said.
	since time.Time
	// patience is how long a job may have no status.
	patience time.Duration

	mu   sync.Mutex
	told map[types.NamespacedName]told
}

// told is what events have told of a job.
type told struct {
	job    types.UID
	warned bool
}

// othersCache is the cache of one kind that others run. Each has its own: a controller
// starts when its whole cache is filled, and what keeps the jobs of others from being
// listed, such as a conversion webhook of theirs that is gone, must stop nothing else.
func othersCache(m manager.Manager, o Options) (cache.Cache, error) {
	options := cache.Options{
		HTTPClient: m.GetHTTPClient(), Mapper: m.GetRESTMapper(), Scheme: m.GetScheme(),
		DefaultTransform:            trimJob,
		ReaderFailOnMissingInformer: true,
	}
	if o.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
	}
	return cache.New(o.Cluster, options)
}

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// watch starts the controller that looks. It waits for as long as the jobs cannot be
// read: a controller that gives up ends the operator.
func (l *onlooker) watch(m manager.Manager) error {
	c, err := controller.New("left-"+l.kind.definition, m, controller.Options{Reconciler: l, CacheSyncTimeout: never})
	if err != nil {
		return err
	}
	return c.Watch(source.Kind[client.Object](l.cache, l.kind.empty(), &handler.EnqueueRequestForObject{}))
}

// Reconcile tells of a job what has not been told of it.
func (l *onlooker) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	job := l.kind.empty()
	if err := l.cache.Get(ctx, request.NamespacedName, job); err != nil || job.GetDeletionTimestamp() != nil {
		delete(l.told, request.NamespacedName)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if by, _, _ := unstructured.NestedString(job.Object, managedBy()...); !slices.Contains(managers(), by) {
		return reconcile.Result{}, nil // Another manager has it, and may take its time.
	}
	before := l.told[request.NamespacedName]
	now := told{job.GetUID(), before.warned && before.job == job.GetUID()}
	created, seen := job.GetCreationTimestamp().Time, hasConditions(job)
	if before.job != now.job && (!seen || !created.Before(l.since.Truncate(time.Second))) {
		l.told[request.NamespacedName] = now
		l.tell(job, corev1.EventTypeNormal, "LeftToOthers",
			fmt.Sprintf("the definition %s is not Radiant's, so Radiant leaves this job to whoever brought it", l.kind.definition))
	}
	if seen || now.warned {
		return reconcile.Result{}, nil
	}
	if left := created.Add(l.patience).Sub(l.now()); left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	now.warned = true
	l.told[request.NamespacedName] = now
	l.tell(job, corev1.EventTypeWarning, "RunByNobody", fmt.Sprintf("nobody has written a status of this job for %s: the operator that brought the definition %s does not run. "+
		"Start it; or give the kind to Radiant with `kubectl label --overwrite crd %s %s=%s`, and restart Radiant's operator",
		l.patience, l.kind.definition, l.kind.definition, crd.LabelManager, crd.Manager))
	return reconcile.Result{}, nil
}

// tell sends an event about a job.
func (l *onlooker) tell(job *unstructured.Unstructured, kind, reason, text string) {
	l.recorder.Tell(job, kind, reason, text)
}

// hasConditions reports whether somebody has said how a job is doing.
func hasConditions(job *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(job.Object, "status", "conditions") // One that is none says nothing.
	return len(conditions) > 0
}

// managedBy is where a job names its manager.
func managedBy() []string { return []string{"spec", "runPolicy", "managedBy"} }

// trimJob keeps what tells whether somebody runs a job, and who should.
func trimJob(in any) (any, error) {
	job, ok := in.(*unstructured.Unstructured)
	if !ok {
		return in, nil
	}
	by, named, _ := unstructured.NestedString(job.Object, managedBy()...) // One that is no text names nobody.
	delete(job.Object, "spec")
	if named {
		if err := unstructured.SetNestedField(job.Object, by, managedBy()...); err != nil {
			return nil, err
		}
	}
	job.SetManagedFields(nil)
	job.SetAnnotations(nil)
	return job, nil
}
