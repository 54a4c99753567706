package controller

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// facts are all that a pass knows of the cluster. Much of it is shared with the
// cache and with other passes, so nobody may change it.
type facts struct {
	stored     *unstructured.Unstructured
	deployment *v1.SeldonDeployment
	problems   v1.Problems
	// inForce is nil while there are no settings to go by; broken says why then.
	inForce *InForce
	broken  error
	secrets expand.Facts
	// awaited is a job that is to succeed before.
	awaited awaited
	// live are the objects that the deployment owns.
	live map[ref]client.Object
	pods []corev1.Pod
	// holders are the pods that hold an executor.
	holders []corev1.Pod
	// plan is what the deployment asks for, as far as it is known; nil while there
	// are no settings.
	plan *plan
}

// gather reads what a pass needs; nothing else reads. It returns nil for a
// deployment that is gone, is going, or is another operator's.
func (r *Reconciler) gather(ctx context.Context, name types.NamespacedName) (*facts, error) {
	f := &facts{stored: newDeployment()}
	err := r.objects.cache.Get(ctx, name, f.stored, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) || err == nil && f.stored.GetDeletionTimestamp() != nil {
		r.objects.memory.forgetDeployment(name)
		if r.asker != nil {
			r.asker.Forget(name)
		}
		return nil, nil // What it owns goes with it.
	}
	if err != nil {
		return nil, err
	}
	ours, err := r.scope.includes(ctx, r.objects.cache, f.stored)
	if err != nil || !ours {
		return nil, err
	}
	f.inForce, f.broken = r.settings.Current(ctx)
	if err := r.judge(f); err != nil {
		return nil, err
	}
	if f.live, err = r.owned(ctx, f.stored); err != nil {
		return nil, err
	}
	if err := r.readPods(ctx, f); err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	if f.inForce == nil {
		return f, nil
	}
	if f.awaited, err = r.await(ctx, f.deployment); err != nil {
		return nil, fmt.Errorf("looking at what it waits for: %w", err)
	}
	read := Reading{Accounts: r.objects.cache, Secrets: r.objects.direct, Credentials: f.inForce.Config.Storage.Credentials}
	f.secrets, err = read.Facts(ctx, f.deployment)
	f.problems = append(f.problems, f.secrets.Warnings()...)
	return f, err
}

// judge decodes the deployment and finds its problems, as far as no earlier pass
// did.
func (r *Reconciler) judge(f *facts) error {
	status, err := r.statusOf(f.stored)
	if err != nil {
		return err
	}
	if f.inForce == nil {
		if f.deployment, _, err = decode(f.stored); err == nil {
			f.deployment.Status = status
		}
		return err
	}
	name := client.ObjectKeyFromObject(f.stored)
	if f.plan = r.objects.memory.plan(name, f); f.plan == nil {
		d, problems, err := check(f.stored, f.inForce)
		if err != nil {
			return err
		}
		f.plan = newPlan(f, d, problems)
		r.objects.memory.rememberPlan(name, f.plan)
	}
	f.problems, f.deployment = slices.Clip(f.plan.problems), f.plan.with(status)
	return nil
}

// statusOf is the newest status that is known of a deployment: what was read may
// be older than what was written.
func (r *Reconciler) statusOf(u *unstructured.Unstructured) (v1.SeldonDeploymentStatus, error) {
	name, version := client.ObjectKeyFromObject(u), u.GetResourceVersion()
	last, known := r.objects.memory.recallStatus(name)
	if known && (last.version == version || isOlder(version, last.version)) {
		return last.status, nil
	}
	status, err := decodeStatus(u)
	if err == nil {
		r.objects.memory.rememberStatus(name, status, version)
	}
	return status, err
}

// owned reads the objects that a deployment owns.
func (r *Reconciler) owned(ctx context.Context, d client.Object) (map[ref]client.Object, error) {
	live := map[ref]client.Object{}
	// A pass changes nothing of what it has read.
	mine := []client.ListOption{client.UnsafeDisableDeepCopy, client.InNamespace(d.GetNamespace()), client.MatchingFields{indexOwner: string(d.GetUID())}}
	for _, k := range r.objects.watches.watched() {
		list := unreadList(k)
		if err := r.objects.cache.List(ctx, list, mine...); err != nil {
			return nil, fmt.Errorf("listing objects of kind %s: %w", k.Kind, err)
		}
		err := meta.EachListItem(list, func(item runtime.Object) error {
			if o, ok := item.(client.Object); ok {
				live[refOf(k.GroupKind(), o)] = o
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return live, nil
}

// readPods reads the pods of the live Deployments that lack some, and of those whose
// pods hold an executor.
func (r *Reconciler) readPods(ctx context.Context, f *facts) error {
	for ref, o := range f.live {
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			continue
		}
		lacks, holds := !isComplete(d), d.Labels[v1.LabelHoldsExecutor] == "true"
		if !lacks && !holds {
			continue
		}
		list := &corev1.PodList{}
		err := r.objects.cache.List(ctx, list, client.UnsafeDisableDeepCopy, client.InNamespace(ref.Namespace), client.MatchingFields{indexWorkload: ref.Name})
		if err != nil {
			return err
		}
		if lacks {
			f.pods = append(f.pods, list.Items...)
		}
		if holds {
			f.holders = append(f.holders, list.Items...)
		}
	}
	return nil
}

// Reading is where facts come from.
type Reading struct {
	Accounts, Secrets client.Reader
	// Credentials says which Secrets may be read.
	Credentials expand.CredentialsConfig
}

// Facts reads what the expansion of a deployment has to know of its namespace:
// the Secrets that its service accounts list. They are asked for one by one,
// and only those.
func (r *Reading) Facts(ctx context.Context, d *v1.SeldonDeployment) (expand.Facts, error) {
	known := expand.Facts{Accounts: map[string]expand.Account{}}
	for _, name := range expand.Accounts(d) {
		account := &corev1.ServiceAccount{}
		err := r.Accounts.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: name}, account)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return expand.Facts{}, fmt.Errorf("reading service account %s: %w", name, err)
		}
		fact := expand.Account{}
		for _, reference := range account.Secrets {
			if !r.Credentials.MayRead(d.Namespace, reference.Name) {
				fact.Unread = append(fact.Unread, reference.Name)
				continue
			}
			secret := &corev1.Secret{}
			err := r.Secrets.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: reference.Name}, secret)
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return expand.Facts{}, fmt.Errorf("reading Secret %s of service account %s: %w", reference.Name, name, err)
			}
			fact.Secrets = append(fact.Secrets, expand.SecretFact(secret))
		}
		known.Accounts[name] = fact
	}
	return known, nil
}
