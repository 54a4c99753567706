// Package training runs the training jobs of a cluster: it makes the objects that
// package train says a job stands for, watches the job's pods, and does what
// [train.Plan.Judge] says. A finished job is cleaned up by its own policies, and
// never changes again.
package training

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/train"
)

// FieldManager is the name under which objects are written.
const FieldManager = "radiant-training"

// Options say which jobs are run.
type Options struct {
	Cluster *rest.Config
	Log     logr.Logger
	// Namespace is the only one that is looked at; empty: all of them.
	Namespace string
	// OthersPatience is how long a job whose definition is somebody else's may have no
	// status before an event warns that nobody runs it; 0: [othersPatience].
	OthersPatience time.Duration
}

// kind is a kind of jobs on a cluster.
type kind struct {
	schema.GroupVersionKind
	// definition is the name of its CustomResourceDefinition.
	definition string
}

func kinds() []kind {
	of := func(name, definition string) kind {
		return kind{schema.GroupVersionKind{Group: kubeflow.Group, Version: "v1", Kind: name}, definition}
	}
	return []kind{
		of(kubeflow.TFJobKind, "tfjobs.kubeflow.org"),
		of(kubeflow.MPIJobKind, "mpijobs.kubeflow.org"),
	}
}

// empty is an empty job as it is read. The API server does not know what pods look
// like, so it may store a job that does not fit the types: a typed watch would
// stop at it, and with it the work on all others.
func (k kind) empty() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(k.GroupVersionKind)
	return u
}

// Add has a manager run jobs. It installs the definitions of the kinds that the
// API server does not know; where one is somebody else's, jobs of that kind are
// left alone, and events say so.
func Add(ctx context.Context, m manager.Manager, o Options) error {
	ours, others, err := Install(ctx, o.Cluster, o.Log)
	if err != nil {
		return err
	}
	direct, err := client.New(o.Cluster, client.Options{HTTPClient: m.GetHTTPClient(), Scheme: m.GetScheme(), Mapper: m.GetRESTMapper()})
	if err != nil {
		return err
	}
	read, err := newCache(m, o)
	if err != nil {
		return err
	}
	if err := m.Add(read); err != nil {
		return err
	}
	shared := &gate{}
	if len(ours) > 0 {
		if err := index(ctx, read); err != nil {
			return err
		}
	}
	for _, k := range ours {
		r := &reconciler{kind: k, cache: read, client: direct, recorder: events.New(m, FieldManager), now: time.Now, made: &made{}, gate: shared}
		if err := r.watch(m); err != nil {
			return fmt.Errorf("watching %s: %w", k.Kind, err)
		}
	}
	for _, k := range others {
		seen, err := othersCache(m, o)
		if err != nil {
			return err
		}
		if err := m.Add(seen); err != nil {
			return err
		}
		l := &onlooker{
			kind: k, cache: seen, recorder: events.New(m, FieldManager), now: time.Now,
			since: time.Now(), patience: cmp.Or(o.OthersPatience, othersPatience), told: map[types.NamespacedName]told{},
		}
		if err := l.watch(m); err != nil {
			return fmt.Errorf("watching %s: %w", k.Kind, err)
		}
	}
	return nil
}

// newCache is one of its own: that of deployments holds their pods alone.
func newCache(m manager.Manager, o Options) (cache.Cache, error) {
	ofJobs, err := labels.NewRequirement(train.LabelJob, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	selector := labels.NewSelector().Add(*ofJobs)
	options := cache.Options{
		HTTPClient: m.GetHTTPClient(), Mapper: m.GetRESTMapper(), Scheme: m.GetScheme(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}: {Label: selector, Transform: trimPod},
			serviceMeta(): {Label: selector, Transform: cache.TransformStripManagedFields()},
		},
		ReaderFailOnMissingInformer: true,
	}
	if o.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
	}
	return cache.New(o.Cluster, options)
}

// byJob is the index of the cache by which the pods and Services of a job are found. By
// a label alone it would look at those of all jobs of the namespace.
const byJob = "job"

func index(ctx context.Context, c cache.Cache) error {
	job := func(o client.Object) []string { return []string{o.GetLabels()[train.LabelJob]} }
	for _, o := range []client.Object{&corev1.Pod{}, serviceMeta()} {
		if err := c.IndexField(ctx, o, byJob, job); err != nil {
			return fmt.Errorf("indexing by job: %w", err)
		}
	}
	return nil
}

// ofJob selects the pods or Services of a job, as they are found in the cache or by the
// API server.
func (r *reconciler) ofJob(from client.Reader, name string) client.ListOption {
	if from == client.Reader(r.cache) {
		return client.MatchingFields{byJob: name}
	}
	return client.MatchingLabels{train.LabelJob: name}
}

// serviceMeta is an empty Service as it is read: its metadata alone.
func serviceMeta() *metav1.PartialObjectMetadata {
	s := &metav1.PartialObjectMetadata{}
	s.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	return s
}

// trimPod keeps what tells whose a pod is and how it fares.
func trimPod(in any) (any, error) {
	pod, ok := in.(*corev1.Pod)
	if !ok {
		return in, nil
	}
	pod.Spec = corev1.PodSpec{RestartPolicy: pod.Spec.RestartPolicy, NodeName: pod.Spec.NodeName, SchedulingGates: pod.Spec.SchedulingGates}
	pod.ManagedFields, pod.Annotations = nil, nil
	return pod, nil
}

// workers is how many jobs of a kind are looked at side by side: each of them waits for
// the API server most of the time.
const workers = 8

// watch starts the controller of the kind.
func (r *reconciler) watch(m manager.Manager) error {
	c, err := controller.New("training-"+r.kind.definition, m, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](50*time.Millisecond, time.Minute),
	})
	if err != nil {
		return err
	}
	owner := gathered(handler.EnqueueRequestForOwner(m.GetScheme(), m.GetRESTMapper(), r.kind.empty(), handler.OnlyControllerOwner()))
	for _, s := range []source.Source{
		source.Kind[client.Object](r.cache, r.kind.empty(), &handler.EnqueueRequestForObject{}),
		source.Kind[client.Object](r.cache, &corev1.Pod{}, owner),
		source.Kind[client.Object](r.cache, serviceMeta(), owner),
	} {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}
