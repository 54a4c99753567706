package controller

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Pass makes one pass over a deployment.
func (o *Operator) Pass(ctx context.Context, deployment types.NamespacedName) error {
	_, err := o.reconciler.Reconcile(ctx, reconcile.Request{NamespacedName: deployment})
	return err
}

// IsCurrent is what a restarted operator sees: it remembers nothing.
func (d Desired) IsCurrent(live metav1.Object) bool { return d.isCurrent(live, written{}) }
