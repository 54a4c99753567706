package controller

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// LabelControllerID says which operator cares for a deployment, and of a
// namespace, that no cluster-wide one does.
const LabelControllerID = "seldon.io/controller-id"

// Scope is which deployments are this operator's.
type Scope struct {
	// Namespace is the only one that is looked at; empty: all of them, but for
	// those that carry the label [LabelControllerID].
	Namespace string
	// ControllerID has to be the deployment's label [LabelControllerID]; a
	// deployment without it belongs to the operator without an id.
	ControllerID string
}

func (s Scope) includes(ctx context.Context, c client.Reader, d metav1.Object) (bool, error) {
	if d.GetLabels()[LabelControllerID] != s.ControllerID {
		return false, nil
	}
	if s.Namespace != "" {
		return d.GetNamespace() == s.Namespace, nil
	}
	namespace := namespaceKind().metadata()
	if err := c.Get(ctx, types.NamespacedName{Name: d.GetNamespace()}, namespace); err != nil {
		return false, fmt.Errorf("reading namespace %s: %w", d.GetNamespace(), err)
	}
	return namespace.GetLabels()[LabelControllerID] == "", nil
}

func namespaceKind() kind { return kind{GroupVersionKind: gvk("", "v1", "Namespace")} }
