package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// Pods are told while they run which shares and labels the versions of their models
// have, by the annotation [graph.VersionsAnnotation]. A Deployment has it twice: in its
// own metadata as it is wanted now, and in its template as it was when something else
// of the template changed last, since a change there makes all pods anew.

// AnnotationTemplate tells what was applied as the template of a Deployment's pods,
// without what they are told while they run.
const AnnotationTemplate = "machinelearning.seldon.io/template-hash"

// toldPods is what is applied of a Deployment whose pods are told something: the hash
// of its template without that. The zero value is of any other object.
type toldPods struct {
	template string
	// versions is what the pods are to be told; nil: nothing.
	versions *string
}

// takeTold takes what pods are told from the template among the fields of an object,
// and writes it and the hash of the template among its annotations.
func takeTold(fields, annotations map[string]any, o metav1.Object) (toldPods, error) {
	if _, ok := o.(*appsv1.Deployment); !ok || o.GetLabels()[v1.LabelHoldsExecutor] != "true" {
		return toldPods{}, nil
	}
	template := child(child(fields, "spec"), "template")
	inTemplate := child(child(template, "metadata"), "annotations")
	var t toldPods
	if text, ok := inTemplate[graph.VersionsAnnotation].(string); ok {
		t.versions = &text
		annotations[graph.VersionsAnnotation] = text
		delete(inTemplate, graph.VersionsAnnotation)
	}
	text, err := json.Marshal(template)
	if err != nil {
		return toldPods{}, err
	}
	sum := sha256.Sum256(text)
	t.template = hex.EncodeToString(sum[:16])
	annotations[AnnotationTemplate] = t.template
	return t, nil
}

// withTold is fields with what the template tells pods when they are made; nil:
// nothing. The fields that are given stay as they are.
func withTold(fields map[string]any, versions *string) map[string]any {
	all := maps.Clone(fields)
	at := all
	for _, name := range templatePath() {
		next := maps.Clone(child(at, name))
		if next == nil {
			next = map[string]any{}
		}
		at[name], at = next, next
	}
	delete(at, graph.VersionsAnnotation)
	if versions != nil {
		at[graph.VersionsAnnotation] = *versions
	}
	return all
}

// templatePath leads to the annotations of a template.
func templatePath() []string { return []string{"spec", "template", "metadata", "annotations"} }

// beside is d as it is applied to a live object: where nothing else of the template
// differs, what it tells new pods stays as it is, so that those that run stay.
func (d Desired) beside(live metav1.Object) Desired {
	if d.told.template == "" || live == nil || live.GetAnnotations()[AnnotationTemplate] != d.told.template {
		return d
	}
	var versions *string
	switch live := live.(type) {
	case *appsv1.Deployment:
		if text, ok := live.Spec.Template.Annotations[graph.VersionsAnnotation]; ok {
			versions = &text
		}
	case *unstructured.Unstructured:
		if text, ok := child(live.Object, templatePath()...)[graph.VersionsAnnotation].(string); ok {
			versions = &text
		}
	default:
		return d // Its template was not read.
	}
	d.told.versions = versions
	return d
}

var _ step = telling{}

// telling tells running pods which shares and labels the versions of their models have
// now. Those of an older template are told too: shares are of the deployment, and an
// executor leaves out what it does not have. A pod that cannot be told keeps no other step
// from what it does: the pass ends with the error.
type telling struct{ objects *objects }

func (telling) String() string { return "telling pods of versions" }

func (s telling) run(ctx context.Context, p *pass) error {
	wanted := map[string]Desired{}
	for _, d := range p.desired {
		if d.told.template != "" {
			wanted[d.ref.Name] = d
		}
	}
	var errs []error
	for i := range p.holders {
		pod := &p.holders[i]
		d, ok := wanted[workloadOf(pod)]
		if !ok || isOver(pod) || isTold(pod, d.told.versions) {
			continue
		}
		err := s.tell(ctx, p, pod, d.told.versions)
		if isRefusal(err) {
			p.problems = append(p.problems, v1.Problem{
				Severity: v1.SeverityWarning, Message: fmt.Sprintf("Pod %s keeps the shares of its model's versions: %v", pod.Name, err),
			})
			p.lookAgain(untoldAgain)
			continue
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		p.untold = fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// untoldAgain is when a pod that could not be told is tried again.
const untoldAgain = time.Minute

// isOver reports whether a pod ends or has ended.
func isOver(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// isTold reports whether a pod is told these versions; nil: nothing.
func isTold(pod *corev1.Pod, versions *string) bool {
	text, told := pod.Annotations[graph.VersionsAnnotation]
	return versions == nil && !told || versions != nil && told && text == *versions
}

// tell writes the annotation of one pod.
func (s telling) tell(ctx context.Context, p *pass, pod *corev1.Pod, versions *string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]*string{graph.VersionsAnnotation: versions}}})
	if err != nil {
		return err
	}
	answer := metadata(corev1.SchemeGroupVersion.WithKind("Pod"))
	answer.Name, answer.Namespace = pod.Name, pod.Namespace
	err = s.objects.client.Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager))
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("telling pod %s: %w", pod.Name, err)
	case answer.ResourceVersion != pod.ResourceVersion:
		p.changes = append(p.changes, Change{Configured, "Pod", pod.Name})
	}
	return nil
}

// ownerOfUntold asks for a pass over the deployment of a pod that is told something
// else than it should be.
func ownerOfUntold(c client.Reader) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		pod, ok := o.(*corev1.Pod)
		if !ok {
			return nil
		}
		d := &appsv1.Deployment{}
		if err := c.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: workloadOf(pod)}, d); err != nil {
			return nil // It is not ours, or is gone.
		}
		var wanted *string
		if text, ok := d.Annotations[graph.VersionsAnnotation]; ok {
			wanted = &text
		}
		owner := metav1.GetControllerOf(d)
		if owner == nil || !isDeployment(*owner) || d.Annotations[AnnotationTemplate] == "" || isTold(pod, wanted) {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}}}
	})
}

// changesTold lets pods pass that are new, or whose annotation has changed.
func changesTold() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, had := e.ObjectOld.GetAnnotations()[graph.VersionsAnnotation]
			after, has := e.ObjectNew.GetAnnotations()[graph.VersionsAnnotation]
			return before != after || had != has
		},
		DeleteFunc: func(event.DeleteEvent) bool { return false },
	}
}
