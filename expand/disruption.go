package expand

import (
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// makeDisruptionBudgets makes a budget for each component that asks for one.
// It selects the pods of its own Deployment: a pod under two budgets can not
// be evicted at all.
func (p *predictor) makeDisruptionBudgets() error {
	for _, w := range p.components {
		spec := w.spec.PDBSpec
		if spec == nil {
			continue
		}
		p.add(&policyv1.PodDisruptionBudget{
			TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"},
			ObjectMeta: p.besideDeployment(w),
			Spec: policyv1.PodDisruptionBudgetSpec{
				MinAvailable:   spec.MinAvailable,
				MaxUnavailable: spec.MaxUnavailable,
				Selector:       w.deployment.Spec.Selector.DeepCopy(),
			},
		})
	}
	return nil
}
