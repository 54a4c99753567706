package diff

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/train"
)

// CompareJob looks at a training job, and at what it stands for. Of a job that runs
// the objects that are there stay as they are, whatever its file says, and of one that
// has ended, or that [Comparer.LeavesJob] leaves to others, none is made; what changes
// then is the job alone. The job needs a namespace. What the API server refuses is part
// of the error.
func (c Comparer) CompareJob(ctx context.Context, job kubeflow.Job) ([]Object, error) {
	job, ok := job.DeepCopyObject().(kubeflow.Job)
	if !ok {
		return nil, fmt.Errorf("copying a %T", job)
	}
	parts := job.Parts()
	live := &unstructured.Unstructured{}
	live.SetAPIVersion(kubeflow.Group + "/" + parts.Version)
	live.SetKind(parts.Kind)
	switch err := c.Client.Get(ctx, client.ObjectKeyFromObject(job), live); {
	case meta.IsNoMatchError(err):
		return nil, fmt.Errorf("the cluster knows no %s: an operator with --training brings the definition", parts.Kind)
	case apierrors.IsNotFound(err):
		live = nil
		job.SetUID(unborn)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", train.Title(job), err)
	default:
		job.SetUID(live.GetUID())
	}
	own, err := c.job(ctx, job, live)
	if err != nil || hasEnded(live) || c.LeavesJob(ctx, parts.Kind) != "" {
		return []Object{own}, err
	}
	objects, err := c.ofJob(ctx, job)
	return append([]Object{own}, objects...), err
}

// LeavesJob says in a sentence why the operator makes nothing of jobs of a kind; empty:
// it does, as far as this user may know.
func (c Comparer) LeavesJob(ctx context.Context, kind string) string {
	definition := &metav1.PartialObjectMetadata{}
	definition.SetGroupVersionKind(apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
	name := strings.ToLower(kind) + "s." + kubeflow.Group
	if err := c.Client.Get(ctx, client.ObjectKey{Name: name}, definition); err != nil || crd.IsRadiants(definition) {
		return ""
	}
	return fmt.Sprintf("the definition %s is not Radiant's, so Radiant leaves jobs of the kind %s to whoever brought it", name, kind)
}

// hasEnded reports whether a job has no more pods made for it; nil is none.
func hasEnded(job *unstructured.Unstructured) bool {
	if job == nil {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(job.Object, "status", "conditions") // One that is none says nothing.
	for _, c := range conditions {
		fields, ok := c.(map[string]any)
		if !ok || fields["status"] != string(metav1.ConditionTrue) {
			continue
		}
		// One with a mistake goes on when that is mended.
		mended := strings.HasSuffix(fmt.Sprint(fields["reason"]), "Invalid")
		if of := fields["type"]; of == kubeflow.JobSucceeded || of == kubeflow.JobFailed && !mended {
			return true
		}
	}
	return false
}

// job compares the job itself with the one that is there; nil: none is.
func (c Comparer) job(ctx context.Context, job kubeflow.Job, live *unstructured.Unstructured) (Object, error) {
	result := Object{Kind: job.Parts().Kind, Namespace: job.GetNamespace(), Name: job.GetName()}
	wanted, err := untyped(job)
	if err != nil {
		return result, err
	}
	if live == nil {
		result.Action = controller.Created
		unstructured.RemoveNestedField(wanted.Object, "metadata", "uid")
		if err := c.Client.Create(ctx, wanted.DeepCopy(), client.DryRunAll, client.FieldOwner(controller.FieldManager)); err != nil {
			return result, fmt.Errorf("applying: %w", err)
		}
		result.Text, err = unified(result, nil, wanted)
		return result, err
	}
	before := asWritten(live)
	after := before.DeepCopy()
	after.Object["spec"] = wanted.Object["spec"]
	after.SetLabels(merged(before.GetLabels(), wanted.GetLabels()))
	after.SetAnnotations(merged(before.GetAnnotations(), wanted.GetAnnotations()))
	if result.Text, err = unified(result, before, after); err != nil || len(result.Text) == 0 {
		return result, err
	}
	result.Action = controller.Configured
	if err := c.Client.Update(ctx, after.DeepCopy(), client.DryRunAll, client.FieldOwner(controller.FieldManager)); err != nil {
		return result, fmt.Errorf("applying: %w", err)
	}
	return result, nil
}

// merged is what is there with what is wanted; others may have written the rest.
func merged(there, wanted map[string]string) map[string]string {
	all := maps.Clone(there)
	if all == nil {
		return wanted
	}
	maps.Copy(all, wanted)
	return all
}

func untyped(o expand.Object) (*unstructured.Unstructured, error) {
	fields, err := expand.Fields(o)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", o.GetName(), err)
	}
	return &unstructured.Unstructured{Object: fields}, nil
}

// asWritten is a job of the cluster in the form of one that was read from a file, so
// that both can be compared; as it is where it does not fit the types.
func asWritten(live *unstructured.Unstructured) *unstructured.Unstructured {
	var job kubeflow.Job = &kubeflow.TFJob{}
	if live.GetKind() == kubeflow.MPIJobKind {
		job = &kubeflow.MPIJob{}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, job); err != nil {
		return live
	}
	u, err := untyped(job)
	if err != nil {
		return live
	}
	return u
}

// ofJob are the objects that a job stands for: those that are to be made, those that
// stay, and the pods that go, since it is suspended.
func (c Comparer) ofJob(ctx context.Context, job kubeflow.Job) ([]Object, error) {
	plan, err := train.NewPlan(job, nil)
	if err != nil {
		return nil, err
	}
	wanted, err := train.Expand(job)
	if err != nil {
		return nil, err
	}
	if plan.Secret != "" {
		wanted = append([]expand.Object{&corev1.Secret{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: plan.Secret, Namespace: job.GetNamespace()},
		}}, wanted...)
	}
	var all []Object
	var errs []error
	for _, o := range wanted {
		compared, err := c.piece(ctx, job, o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, compared)
	}
	if !plan.Suspended {
		return all, errors.Join(errs...)
	}
	pods := &unstructured.UnstructuredList{}
	pods.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PodList"))
	errs = append(errs, c.Client.List(ctx, pods, client.InNamespace(job.GetNamespace()), client.MatchingLabels{train.LabelJob: job.GetName()}))
	for i := range pods.Items {
		if o := &pods.Items[i]; metav1.IsControlledBy(o, job) {
			gone := Object{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(), Action: controller.Deleted}
			var err error
			gone.Text, err = unified(gone, o, nil)
			all, errs = append(all, gone), append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// piece compares one object of a job. What is there stays as it is.
func (c Comparer) piece(ctx context.Context, job kubeflow.Job, o expand.Object) (Object, error) {
	wanted, err := untyped(o)
	if err != nil {
		return Object{}, err
	}
	result := Object{Kind: wanted.GetKind(), Namespace: wanted.GetNamespace(), Name: wanted.GetName()}
	live := &metav1.PartialObjectMetadata{}
	live.SetGroupVersionKind(wanted.GroupVersionKind())
	err = c.Client.Get(ctx, client.ObjectKeyFromObject(wanted), live)
	switch {
	case err == nil && metav1.IsControlledBy(live, job):
		return result, nil
	case err == nil:
		return result, fmt.Errorf("%s %s is there already, and is not the job's", result.Kind, result.Name)
	case !apierrors.IsNotFound(err):
		return result, fmt.Errorf("reading %s %s: %w", result.Kind, result.Name, err)
	}
	result.Action = controller.Created
	if _, secret := o.(*corev1.Secret); !secret { // Its keys are made when it is.
		if err := c.Client.Create(ctx, wanted.DeepCopy(), client.DryRunAll, client.FieldOwner(controller.FieldManager)); err != nil {
			return result, fmt.Errorf("making %s %s: %w", result.Kind, result.Name, err)
		}
	}
	result.Text, err = unified(result, nil, wanted)
	return result, err
}
