package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Scope is which deployments are this operator's.
type Scope struct {
	// Namespace is the only one that is looked at; empty: all of them, but for
	// those that carry the label [v1.LabelControllerID].
	Namespace string
	// ControllerID has to be the deployment's label [v1.LabelControllerID]; a
	// deployment without it belongs to the operator without an id.
	ControllerID string
}

func (s Scope) includes(ctx context.Context, c client.Reader, d metav1.Object) (bool, error) {
	if d.GetLabels()[v1.LabelControllerID] != s.ControllerID {
		return false, nil
	}
	if s.Namespace != "" {
		return d.GetNamespace() == s.Namespace, nil
	}
	namespace := metadata(namespaceKind())
	if err := c.Get(ctx, types.NamespacedName{Name: d.GetNamespace()}, namespace); err != nil {
		return false, fmt.Errorf("reading namespace %s: %w", d.GetNamespace(), err)
	}
	return namespace.GetLabels()[v1.LabelControllerID] == "", nil
}

func namespaceKind() schema.GroupVersionKind { return corev1.SchemeGroupVersion.WithKind("Namespace") }
