package scaler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/scaling"
)

// newCache holds what is scaled, and drops what is not looked at.
func newCache(c *http.Client, mapper meta.RESTMapper, scheme *runtime.Scheme, o Options) (cache.Cache, error) {
	has := func(label string) labels.Selector {
		is, err := labels.NewRequirement(label, selection.Exists, nil)
		if err != nil {
			panic(err) // The labels are constants.
		}
		return labels.NewSelector().Add(*is)
	}
	options := cache.Options{
		HTTPClient: c, Mapper: mapper, Scheme: scheme,
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}: {Label: has(scaling.LabelScaled), Transform: trimDeployment},
			&corev1.Pod{}:        {Label: has(scaling.LabelScaled), Transform: trimPod},
			serviceMeta():        {Label: has(scaling.LabelFront), Transform: cache.TransformStripManagedFields()},
		},
	}
	slices := cache.ByObject{Label: has(scaling.LabelFront), Transform: cache.TransformStripManagedFields()}
	if o.Namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}}
		slices.Namespaces = map[string]cache.Config{o.Namespace: {}, cmp.Or(o.OperatorNamespace, o.Namespace): {}}
	}
	options.ByObject[&discoveryv1.EndpointSlice{}] = slices
	return cache.New(o.Cluster, options)
}

// serviceMeta is an empty Service as it is read: its metadata alone.
func serviceMeta() *metav1.PartialObjectMetadata {
	s := &metav1.PartialObjectMetadata{}
	s.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
	return s
}

func trimDeployment(in any) (any, error) {
	if d, ok := in.(*appsv1.Deployment); ok {
		d.Spec.Template, d.ManagedFields = corev1.PodTemplateSpec{}, nil
		for name := range d.Annotations {
			if name != scaling.AnnotationScaled {
				delete(d.Annotations, name)
			}
		}
	}
	return in, nil
}

func trimPod(in any) (any, error) {
	if pod, ok := in.(*corev1.Pod); ok {
		pod.Spec, pod.ManagedFields, pod.Annotations = corev1.PodSpec{}, nil, nil
		pod.Status = corev1.PodStatus{PodIP: pod.Status.PodIP, Phase: pod.Status.Phase, Conditions: pod.Status.Conditions}
	}
	return in, nil
}

// world is what the cache has at a tick.
type world struct {
	// changes is how many there had been when it was read.
	changes   int64
	workloads []workload
	// pods are those that run, by namespace and predictor.
	pods   map[types.NamespacedName][]pod
	fronts map[types.NamespacedName]front
	// slices are those that lead fronts to activators, by their names.
	slices map[types.NamespacedName]*discoveryv1.EndpointSlice
	// ledAt are the Services that these lead to activators, by the port there.
	ledAt map[int32][]types.NamespacedName
	// toPods are the Services that lead to a pod that is ready, of those that are
	// fronts.
	toPods     map[types.NamespacedName]bool
	activators []activator
}

// workload is a Deployment that is scaled.
type workload struct {
	name types.NamespacedName
	uid  types.UID
	scaling.Scaled
	policy string
	// replicas are those that it asks for; version is what the cache has seen.
	replicas, ready int32
	version         string
	// made is when it was. isNew: nobody has changed it since, and not all of its
	// pods have been ready once.
	made  time.Time
	isNew bool
	owner *metav1.OwnerReference
}

// predictor is how pods of its executors are found.
func (w *workload) predictor() types.NamespacedName {
	return types.NamespacedName{Namespace: w.name.Namespace, Name: w.Predictor}
}

// deployment names the SeldonDeployment; its name is empty if there is none.
func (w *workload) deployment() types.NamespacedName {
	if w.owner == nil {
		return types.NamespacedName{}
	}
	return types.NamespacedName{Namespace: w.name.Namespace, Name: w.owner.Name}
}

// pod is one whose executor counts.
type pod struct {
	uid   types.UID
	ip    string
	ready bool
}

// front is a Service whose requests activators may keep.
type front struct {
	name types.NamespacedName
	uid  types.UID
	// version is that of the Service in the cache.
	version string
	// made is when the Service was, in seconds.
	made int64
	// port is that of activators, and served the same once they serve it.
	port, served int32
	scaling.Front
}

// activator is one that is ready.
type activator struct {
	// name is that of its pod, or its address where nobody tells.
	name, ip string
	// admin is the port at which it reports.
	admin int32
}

// listenTo has changes of what is read counted.
func (s *Scaler) listenTo(ctx context.Context, read cache.Cache) error {
	changed := func() { s.changes.Add(1) }
	for _, kind := range []client.Object{&appsv1.Deployment{}, &corev1.Pod{}, serviceMeta(), &discoveryv1.EndpointSlice{}} {
		informer, err := read.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() },
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// look reads the world from the cache, unless nothing has changed since it was read last:
// then it is the same one, which nobody changes.
func (s *Scaler) look(ctx context.Context) (*world, error) {
	changes := s.changes.Load()
	if s.seen != nil && s.seen.changes == changes {
		return s.seen, nil
	}
	w := &world{
		changes: changes,

		pods: map[types.NamespacedName][]pod{}, fronts: map[types.NamespacedName]front{}, slices: map[types.NamespacedName]*discoveryv1.EndpointSlice{},
		ledAt: map[int32][]types.NamespacedName{}, toPods: map[types.NamespacedName]bool{},
	}
	for _, read := range []func(context.Context, *world) error{s.workloads, s.pods, s.fronts, s.slices} {
		if err := read(ctx, w); err != nil {
			return nil, err
		}
	}
	s.seen = w
	return w, nil
}

func (s *Scaler) workloads(ctx context.Context, w *world) error {
	var list appsv1.DeploymentList
	if err := s.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing Deployments: %w", err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		if d.DeletionTimestamp != nil {
			continue
		}
		one, known := s.workloadsRead[client.ObjectKeyFromObject(d)]
		if !known || one.uid != d.UID || one.version != d.ResourceVersion {
			var err error
			if one, err = workloadOf(d); err != nil {
				s.log.Error(err, "a Deployment is not scaled", "deployment", one.name)
				continue
			}
		}
		w.workloads = append(w.workloads, one)
	}
	s.workloadsRead = make(map[types.NamespacedName]workload, len(w.workloads))
	for i := range w.workloads {
		s.workloadsRead[w.workloads[i].name] = w.workloads[i]
	}
	return nil
}

// workloadOf reads a Deployment.
func workloadOf(d *appsv1.Deployment) (workload, error) {
	w := workload{
		name: client.ObjectKeyFromObject(d), uid: d.UID, policy: d.Annotations[scaling.AnnotationScaled], replicas: 1, ready: d.Status.ReadyReplicas,
		version: d.ResourceVersion, made: d.CreationTimestamp.Time, isNew: d.Generation == 1 && !wereReady(d), owner: metav1.GetControllerOfNoCopy(d),
	}
	if d.Spec.Replicas != nil {
		w.replicas = *d.Spec.Replicas
	}
	if err := json.Unmarshal([]byte(w.policy), &w.Scaled); err != nil {
		return w, fmt.Errorf("reading annotation %s: %w", scaling.AnnotationScaled, err)
	}
	return w, nil
}

// wereReady reports whether all pods of a Deployment have been ready at once.
func wereReady(d *appsv1.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing {
			return c.Status == corev1.ConditionTrue && c.Reason == "NewReplicaSetAvailable"
		}
	}
	return false
}

func (s *Scaler) pods(ctx context.Context, w *world) error {
	var list corev1.PodList
	if err := s.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	for i := range list.Items {
		p := &list.Items[i]
		if p.DeletionTimestamp != nil || p.Status.PodIP == "" || p.Status.Phase != corev1.PodRunning {
			continue
		}
		of := types.NamespacedName{Namespace: p.Namespace, Name: p.Labels[v1.LabelApp]}
		w.pods[of] = append(w.pods[of], pod{uid: p.UID, ip: p.Status.PodIP, ready: isReady(p)})
	}
	return nil
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (s *Scaler) fronts(ctx context.Context, w *world) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceList"))
	if err := s.reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing Services: %w", err)
	}
	for i := range list.Items {
		o := &list.Items[i]
		if o.Annotations[scaling.AnnotationFront] == "" || o.DeletionTimestamp != nil {
			continue
		}
		f, known := s.frontsRead[client.ObjectKeyFromObject(o)]
		if !known || f.uid != o.UID || f.version != o.ResourceVersion {
			var err error
			if f, err = frontOf(o); err != nil {
				s.log.Error(err, "requests to a Service are not kept", "service", f.name)
				continue
			}
		}
		w.fronts[f.name] = f
	}
	s.frontsRead = w.fronts // Nobody changes it.
	return nil
}

// frontOf reads a Service.
func frontOf(o *metav1.PartialObjectMetadata) (front, error) {
	f := front{name: client.ObjectKeyFromObject(o), uid: o.UID, version: o.ResourceVersion, made: o.CreationTimestamp.Unix()}
	for annotation, port := range map[string]*int32{scaling.AnnotationFrontPort: &f.port, scaling.AnnotationFrontServed: &f.served} {
		if n, err := strconv.ParseInt(o.Annotations[annotation], 10, 32); err == nil {
			*port = int32(n)
		}
	}
	if err := json.Unmarshal([]byte(o.Annotations[scaling.AnnotationFront]), &f.Front); err != nil {
		return f, fmt.Errorf("reading annotation %s of Service %s: %w", scaling.AnnotationFront, f.name, err)
	}
	return f, nil
}

func (s *Scaler) slices(ctx context.Context, w *world) error {
	var list discoveryv1.EndpointSliceList
	if err := s.reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("listing EndpointSlices: %w", err)
	}
	for i := range list.Items {
		slice := &list.Items[i]
		switch {
		case slice.Labels[discoveryv1.LabelManagedBy] == FieldManager:
			w.slices[client.ObjectKeyFromObject(slice)] = slice
			if len(slice.Endpoints) > 0 && len(slice.Ports) > 0 && slice.Ports[0].Port != nil {
				of := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
				w.ledAt[*slice.Ports[0].Port] = append(w.ledAt[*slice.Ports[0].Port], of)
			}
		case slice.Labels[scaling.LabelFront] == scaling.FrontActivator:
			w.activators = append(w.activators, activatorsOf(slice)...)
		case slices.ContainsFunc(slice.Endpoints, isServing):
			// Kubernetes copies the label of a Service to its own EndpointSlices.
			w.toPods[types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}] = true
		}
	}
	return nil
}

// activatorsOf are the activators that are ready. Its Service names the port.
func activatorsOf(slice *discoveryv1.EndpointSlice) []activator {
	var admin int32
	for _, p := range slice.Ports {
		if p.Name != nil && *p.Name == scaling.PortAdmin && p.Port != nil {
			admin = *p.Port
		}
	}
	var found []activator
	for _, e := range slice.Endpoints {
		if isServing(e) {
			for _, ip := range e.Addresses {
				one := activator{ip, ip, admin}
				if e.TargetRef != nil {
					one.name = e.TargetRef.Name
				}
				found = append(found, one)
			}
		}
	}
	return found
}

func isServing(e discoveryv1.Endpoint) bool { return e.Conditions.Ready == nil || *e.Conditions.Ready }
