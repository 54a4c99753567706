// Package diff compares what SeldonDeployments ask for with what a cluster has,
// without changing anything: the API server answers what applying would make of
// each object.
package diff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rogpeppe/go-internal/diff"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/controller"
)

// Object is one object, and what the operator would do to it.
type Object struct {
	Kind, Namespace, Name string
	Action                controller.Action
	// Text is a unified diff, empty for [controller.Unchanged].
	Text []byte
}

// Comparer reads a cluster. The client must not have a cache.
type Comparer struct{ Client client.Client }

// unborn stands for the uid of a deployment that is not in the cluster, since
// the API server wants owners to have one.
const unborn = types.UID("00000000-0000-0000-0000-000000000000")

// Compare looks at all objects of a deployment: those that it asks for, in the
// order of expansion, and then those that it owns and no longer asks for. The
// input's deployment needs a namespace. What the API server refuses is part of
// the error; the other objects are returned all the same.
func (c Comparer) Compare(ctx context.Context, in expand.Input) ([]Object, error) {
	in.Deployment = in.Deployment.DeepCopy()
	owner, err := c.owner(ctx, in.Deployment)
	if err != nil {
		return nil, err
	}
	in.Deployment.UID = owner
	read := controller.Reading{Accounts: c.Client, Secrets: c.Client, Credentials: in.Config.Storage.Credentials}
	if in.Facts, err = read.Facts(ctx, in.Deployment); err != nil {
		return nil, err
	}
	if in.Facts.Starts, err = c.starts(ctx, in.Deployment); err != nil {
		return nil, err
	}
	wanted, err := expand.Expand(in)
	if err != nil {
		return nil, err
	}
	var all []Object
	var errs []error
	for _, o := range wanted {
		compared, err := c.compare(ctx, o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, compared)
	}
	gone, err := c.unwanted(ctx, in, wanted)
	return append(all, gone...), errors.Join(append(errs, err)...)
}

// starts are the versions of models that servers of the deployment start with.
func (c Comparer) starts(ctx context.Context, d *v1.SeldonDeployment) (map[string]map[string]discovery.Choice, error) {
	var list metav1.PartialObjectMetadataList
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	if err := c.Client.List(ctx, &list, client.InNamespace(d.Namespace), client.MatchingLabels{discovery.LabelRefreshed: "true"}); err != nil {
		return nil, fmt.Errorf("listing Deployments: %w", err)
	}
	var all map[string]map[string]discovery.Choice
	for i := range list.Items {
		if chosen := controller.StartsOf(&list.Items[i]); chosen != nil && metav1.IsControlledBy(&list.Items[i], d) {
			if all == nil {
				all = map[string]map[string]discovery.Choice{}
			}
			all[list.Items[i].Name] = chosen
		}
	}
	return all, nil
}

// owner is the uid of the deployment in the cluster.
func (c Comparer) owner(ctx context.Context, d *v1.SeldonDeployment) (types.UID, error) {
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind))
	err := c.Client.Get(ctx, client.ObjectKeyFromObject(d), live)
	if apierrors.IsNotFound(err) {
		return unborn, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading deployment %s: %w", d.Name, err)
	}
	return live.GetUID(), nil
}

// compare asks the API server what would become of an object.
func (c Comparer) compare(ctx context.Context, o expand.Object) (Object, error) {
	desired, err := controller.Prepare(o)
	if err != nil {
		return Object{}, err
	}
	wanted, err := desired.Object()
	if err != nil {
		return Object{}, err
	}
	result := Object{Kind: wanted.GetKind(), Namespace: wanted.GetNamespace(), Name: wanted.GetName()}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	err = c.Client.Get(ctx, client.ObjectKeyFromObject(wanted), live)
	applier := controller.Applier{Client: c.Client, DryRun: true}
	if apierrors.IsNotFound(err) {
		if err := applier.Apply(ctx, desired, nil, &unstructured.Unstructured{}); err != nil {
			return Object{}, err
		}
		// As it is written; what the API server adds is of no interest yet.
		result.Action = controller.Created
		result.Text, err = unified(result, nil, wanted)
		return result, err
	}
	if err != nil {
		return Object{}, fmt.Errorf("reading %s %s: %w", result.Kind, result.Name, err)
	}
	applied := &unstructured.Unstructured{}
	if err := applier.Apply(ctx, desired, live, applied); err != nil {
		return Object{}, err
	}
	result.Text, err = unified(result, live, applied)
	if len(result.Text) > 0 {
		result.Action = controller.Configured
	}
	return result, err
}

// unwanted finds the objects that the deployment owns and does not ask for.
func (c Comparer) unwanted(ctx context.Context, in expand.Input, wanted []expand.Object) ([]Object, error) {
	if in.Deployment.UID == unborn {
		return nil, nil
	}
	keep := map[string]bool{}
	for _, o := range wanted {
		keep[key(o.GetObjectKind().GroupVersionKind().GroupKind(), o.GetName())] = true
	}
	var all []Object
	var errs []error
	for _, kind := range expand.Kinds(in.Config) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := c.Client.List(ctx, list, client.InNamespace(in.Deployment.Namespace)); err != nil {
			if !meta.IsNoMatchError(err) {
				errs = append(errs, fmt.Errorf("listing objects of kind %s: %w", kind.Kind, err))
			}
			continue
		}
		for i := range list.Items {
			o := &list.Items[i]
			owner := metav1.GetControllerOf(o)
			if owner == nil || owner.UID != in.Deployment.UID || keep[key(kind.GroupKind(), o.GetName())] {
				continue
			}
			gone := Object{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(), Action: controller.Deleted}
			text, err := unified(gone, o, nil)
			gone.Text = text
			all, errs = append(all, gone), append(errs, err)
		}
	}
	slices.SortStableFunc(all, func(a, b Object) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return all, errors.Join(errs...)
}

func key(kind schema.GroupKind, name string) string { return kind.String() + " " + name }

// unified is the difference of two states of an object; nil is absence.
func unified(o Object, from, to *unstructured.Unstructured) ([]byte, error) {
	before, err := text(from)
	if err != nil {
		return nil, fmt.Errorf("writing %s %s: %w", o.Kind, o.Name, err)
	}
	after, err := text(to)
	if err != nil {
		return nil, fmt.Errorf("writing %s %s: %w", o.Kind, o.Name, err)
	}
	name := fmt.Sprintf("%s/%s/%s", o.Namespace, o.Kind, o.Name)
	return diff.Diff("cluster/"+name, before, "rendered/"+name, after), nil
}
