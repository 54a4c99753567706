package training

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/train"
)

// carryOut does what was decided, and writes the status.
func (p *pass) carryOut(ctx context.Context, d decision) error {
	before := p.status.DeepCopy()
	if d.action == leave {
		return nil
	}
	p.created()
	switch d.action {
	case run:
		// What cannot be made keeps nobody from seeing what is there, and its time runs.
		refused := p.make(ctx, d)
		p.runs(d)
		return errors.Join(refused, p.write(ctx, before))
	case suspend:
		if err := p.remove(ctx, p.pods, nil); err != nil {
			return err
		}
		p.suspended(d)
	case restart:
		var some []corev1.Pod
		for _, i := range d.replicas {
			if pod := d.seen.pods[i]; pod != nil {
				some = append(some, *pod)
			}
		}
		if err := p.remove(ctx, some, nil); err != nil {
			return err
		}
		p.restarts(d)
	case succeed, fail:
		p.ends(d)
	case clean:
		if err := p.clean(ctx); err != nil {
			return err
		}
	}
	return p.write(ctx, before)
}

// make creates what is missing: what pods read, their Services, and then the pods.
func (p *pass) make(ctx context.Context, d decision) error {
	if len(d.replicas) == 0 {
		return nil
	}
	var objects []client.Object
	if d.plan.Secret != "" {
		secret, err := d.plan.Keys(rand.Reader)
		if err != nil {
			return err
		}
		objects = append(objects, secret)
	}
	if d.plan.Shared != nil {
		objects = append(objects, d.plan.Shared)
	}
	for _, i := range d.replicas {
		objects = append(objects, d.plan.Replicas[i].Service)
	}
	for _, i := range d.replicas {
		objects = append(objects, d.plan.Replicas[i].Pod)
	}
	for _, o := range objects {
		err := p.create(ctx, o)
		if errors.Is(err, errEarlier) {
			p.again = settling
			return nil
		}
		if err != nil {
			return err
		}
	}
	for _, i := range d.replicas {
		p.made.note(p.job.GetUID(), d.plan.Replicas[i].Name, p.now)
	}
	return nil
}

// errEarlier says that an object is that of a job of the name which was deleted: it
// goes by itself, and what needs its name is made after that.
var errEarlier = errors.New("an earlier job of the name is being deleted")

// create makes an object of the job. One that is there already has to be the
// job's. An event tells of an object that the API server refuses, such as a pod with
// a mistake that it alone knows, or one too many for a quota.
func (p *pass) create(ctx context.Context, o client.Object) error {
	o.SetNamespace(p.job.GetNamespace())
	o.SetOwnerReferences([]metav1.OwnerReference{p.owner()})
	err := p.client.Create(ctx, o, client.FieldOwner(FieldManager))
	kind := o.GetObjectKind().GroupVersionKind().Kind
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		p.tell(corev1.EventTypeWarning, "Refused", "Create", fmt.Sprintf("%s %s cannot be made: %v", kind, o.GetName(), err))
	}
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(o), found); err != nil {
		return client.IgnoreNotFound(err) // It is gone by now: the next pass makes it.
	}
	if !metav1.IsControlledBy(found, p.job) {
		if by := metav1.GetControllerOf(found); by != nil && by.Kind == p.kind.Kind && by.Name == p.job.GetName() {
			return errEarlier
		}
		text := fmt.Sprintf("%s %s is there already, and is not the job's", kind, o.GetName())
		p.tell(corev1.EventTypeWarning, "NameTaken", "Create", text)
		return fmt.Errorf("creating: %s", text)
	}
	return nil
}

func (p *pass) owner() metav1.OwnerReference {
	return *metav1.NewControllerRef(p.job, p.gvk())
}

func (p *pass) gvk() schema.GroupVersionKind { return p.kind.GroupVersionKind }

// reference is the job as events name it.
func (p *pass) reference() client.Object {
	u := p.kind.empty()
	u.SetNamespace(p.job.GetNamespace())
	u.SetName(p.job.GetName())
	u.SetUID(p.job.GetUID())
	u.SetResourceVersion(p.job.GetResourceVersion())
	return u
}

// remove deletes pods, and the Services of those that have one to delete. Pods of
// a name that were made anew meanwhile stay.
func (p *pass) remove(ctx context.Context, pods []corev1.Pod, services map[string]bool) error {
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		uid := pods[i].UID
		err := p.client.Delete(ctx, &pods[i], client.Preconditions{UID: &uid})
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
			return err
		}
	}
	for name := range services {
		s := serviceMeta()
		s.SetNamespace(p.job.GetNamespace())
		s.SetName(name)
		if err := client.IgnoreNotFound(p.client.Delete(ctx, s)); err != nil {
			return err
		}
	}
	return nil
}

// clean puts away what an ended job has left, by its policy: all pods, those that
// still run, or none, each with its Service. A job whose time is over goes whole.
func (p *pass) clean(ctx context.Context) error {
	job, ok := p.job.DeepCopyObject().(kubeflow.Job)
	if !ok {
		return fmt.Errorf("copying a %T", p.job)
	}
	kubeflow.Default(job)
	policy := job.Parts().Run
	var pods []corev1.Pod
	for i := range p.pods {
		phase := p.pods[i].Status.Phase
		still := phase != corev1.PodSucceeded && phase != corev1.PodFailed
		if policy.CleanPodPolicy == kubeflow.CleanAll || policy.CleanPodPolicy == kubeflow.CleanRunning && still {
			pods = append(pods, p.pods[i])
		}
	}
	services, err := p.services(ctx, pods)
	if err != nil {
		return err
	}
	if err := p.remove(ctx, pods, services); err != nil {
		return err
	}
	ttl := policy.TTLSecondsAfterFinished
	if ttl == nil || p.status.CompletionTime == nil {
		return nil
	}
	if left := p.status.CompletionTime.Add(time.Duration(*ttl) * time.Second).Sub(p.now); left > 0 {
		p.again = left
		return nil
	}
	uid := p.job.GetUID()
	return client.IgnoreNotFound(p.client.Delete(ctx, p.reference(), client.Preconditions{UID: &uid},
		client.PropagationPolicy(metav1.DeletePropagationBackground)))
}

// services are the names of the Services that lead to pods, and are there.
func (p *pass) services(ctx context.Context, pods []corev1.Pod) (map[string]bool, error) {
	if len(pods) == 0 {
		return nil, nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceList"))
	if err := p.cache.List(ctx, list, client.InNamespace(p.job.GetNamespace()), client.MatchingLabels{train.LabelJob: p.job.GetName()}); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i := range list.Items {
		if s := &list.Items[i]; metav1.IsControlledBy(s, p.job) {
			for j := range pods {
				if pods[j].Name == s.Name {
					names[s.Name] = true
				}
			}
		}
	}
	return names, nil
}
