package training

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// carryOut does what was decided, and writes the status.
func (p *pass) carryOut(ctx context.Context, d decision) error {
	before := p.status.DeepCopy()
	if d.action == leave {
		if d.message != "" && p.left.first(client.ObjectKeyFromObject(p.job), p.job.GetUID()) {
			p.recorder.Tell(p.reference(), corev1.EventTypeNormal, "LeftToOthers", d.message)
		}
		return nil
	}
	p.created()
	switch d.action {
	case run:
		// What cannot be made keeps nobody from seeing what is there, and its time runs.
		refused := p.make(ctx, d)
		if p.unsettled && refused == nil {
			return nil // All that is new is told at once, when the cache has heard of it.
		}
		p.runs(d)
		refused = errors.Join(refused, p.open(ctx, d))
		return errors.Join(refused, p.write(ctx, before))
	case suspend:
		if err := p.remove(ctx, p.pods); err != nil {
			return err
		}
		// It may have been given fewer pods meanwhile.
		stay := map[string]bool{}
		for i := range d.plan.Replicas {
			stay[d.plan.Replicas[i].Name] = true
		}
		if err := p.removeServices(ctx, stay); err != nil {
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
		if err := p.remove(ctx, some); err != nil {
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
	var read, services, pods []client.Object
	if d.plan.Secret != "" {
		secret, err := d.plan.Keys(rand.Reader)
		if err != nil {
			return err
		}
		read = append(read, secret)
	}
	if d.plan.Shared != nil {
		read = append(read, d.plan.Shared)
	}
	for _, i := range d.replicas {
		services = append(services, d.plan.Replicas[i].Service)
		pods = append(pods, d.plan.Replicas[i].Pod)
	}
	for _, objects := range [][]client.Object{read, services, pods} {
		err := p.createAll(ctx, objects)
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
	p.settle()
	return nil
}

// atOnce is how many objects of one job are made side by side.
const atOnce = 8

// createAll makes objects that do not need each other; the error is that of the first
// that failed.
func (p *pass) createAll(ctx context.Context, objects []client.Object) error {
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, o := range objects {
		all.Go(func() error { return p.create(ctx, o) })
	}
	return all.Wait()
}

// errEarlier says that an object is that of a job of the name which was deleted: it
// goes by itself, and what needs its name is made after that.
var errEarlier = errors.New("an earlier job of the name is being deleted")

// create makes an object of the job. One that is there already has to be the
// job's. An event tells of an object that the API server refuses, such as a pod with
// a mistake that it alone knows, or one too many for a quota.
func (p *pass) create(ctx context.Context, o client.Object) error {
	o.SetNamespace(p.job.GetNamespace())
	o.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(p.job, p.kind.GroupVersionKind)})
	err := p.client.Create(ctx, o, client.FieldOwner(FieldManager))
	kind := o.GetObjectKind().GroupVersionKind().Kind
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		p.recorder.Tell(p.reference(), corev1.EventTypeWarning, "Refused", fmt.Sprintf("%s %s cannot be made: %v", kind, o.GetName(), err))
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
		p.recorder.Tell(p.reference(), corev1.EventTypeWarning, "NameTaken", text)
		return fmt.Errorf("creating: %s", text)
	}
	if shared, ok := o.(*corev1.ConfigMap); ok {
		return p.renew(ctx, shared)
	}
	return nil
}

// renew brings what all pods read up to date: a job that was suspended may have been
// given another number of pods.
func (p *pass) renew(ctx context.Context, wanted *corev1.ConfigMap) error {
	live := &corev1.ConfigMap{}
	if err := p.client.Get(ctx, client.ObjectKeyFromObject(wanted), live); err != nil {
		return client.IgnoreNotFound(err)
	}
	if maps.Equal(live.Data, wanted.Data) {
		return nil
	}
	live.Data = wanted.Data
	return p.client.Update(ctx, live, client.FieldOwner(FieldManager))
}

// reference is the job as events name it.
func (p *pass) reference() client.Object {
	u := p.kind.empty()
	u.SetNamespace(p.job.GetNamespace())
	u.SetName(p.job.GetName())
	u.SetUID(p.job.GetUID())
	u.SetResourceVersion(p.job.GetResourceVersion())
	return u
}

// remove deletes pods. Those of a name that were made anew meanwhile stay.
func (p *pass) remove(ctx context.Context, pods []corev1.Pod) error {
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
	return nil
}

// clean puts away what an ended job has left, by its policy: all pods, those that
// still run, or none, and the Services of pods that do not stay. A job whose time is
// over goes whole.
func (p *pass) clean(ctx context.Context) error {
	policy := p.job.Parts().Run
	var gone []corev1.Pod
	stay := map[string]bool{}
	for i := range p.pods {
		still := runs(&p.pods[i])
		if policy.CleanPodPolicy == kubeflow.CleanAll || policy.CleanPodPolicy == kubeflow.CleanRunning && still {
			gone = append(gone, p.pods[i])
		} else {
			stay[p.pods[i].Name] = true
		}
	}
	if err := p.remove(ctx, gone); err != nil {
		return err
	}
	if policy.CleanPodPolicy != kubeflow.CleanNone {
		if err := p.removeServices(ctx, stay); err != nil {
			return err
		}
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

// removeServices deletes the job's Services but for those of pods that stay.
func (p *pass) removeServices(ctx context.Context, stay map[string]bool) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceList"))
	if err := p.cache.List(ctx, list, client.InNamespace(p.job.GetNamespace()), p.ofJob(p.cache, p.job.GetName())); err != nil {
		return err
	}
	for i := range list.Items {
		s := &list.Items[i]
		if stay[s.Name] || !metav1.IsControlledBy(s, p.job) {
			continue
		}
		s.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Service"))
		if err := client.IgnoreNotFound(p.client.Delete(ctx, s)); err != nil {
			return err
		}
	}
	return nil
}
