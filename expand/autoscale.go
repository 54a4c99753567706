package expand

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// makeAutoscalers makes a HorizontalPodAutoscaler or a ScaledObject for each
// component that asks for one. kedaSpec beats hpaSpec.
func (p *predictor) makeAutoscalers() error {
	for _, w := range p.components {
		switch {
		case p.scaledByKEDA(w.spec):
			o, err := p.scaledObject(w)
			if err != nil {
				return fmt.Errorf("kedaSpec of %s: %w", w.deployment.Name, err)
			}
			p.add(o)
		case w.spec.HPASpec != nil:
			p.add(p.horizontalPodAutoscaler(w))
		}
	}
	return nil
}

func (p *predictor) scaledByKEDA(spec *v1.SeldonPodSpec) bool {
	return spec.KEDASpec != nil && p.in.Config.KEDA
}

func (p *predictor) horizontalPodAutoscaler(w *workload) *autoscalingv2.HorizontalPodAutoscaler {
	spec := w.spec.HPASpec
	return &autoscalingv2.HorizontalPodAutoscaler{
		TypeMeta:   metav1.TypeMeta{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler"},
		ObjectMeta: p.besideDeployment(w),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
				APIVersion: "apps/v1", Kind: "Deployment", Name: w.deployment.Name,
			},
			MinReplicas: spec.MinReplicas,
			MaxReplicas: spec.MaxReplicas,
			Metrics:     spec.MetricsV2(),
			Behavior:    spec.Behavior,
		},
	}
}

func scaledObjectGVK() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "keda.sh", Version: "v1alpha1", Kind: "ScaledObject"}
}

// scaledObject copies kedaSpec, whose fields are those of a ScaledObject. It
// stays untyped, so that KEDA's code is not linked.
func (p *predictor) scaledObject(w *workload) (*unstructured.Unstructured, error) {
	spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(w.spec.KEDASpec)
	if err != nil {
		return nil, err
	}
	spec["scaleTargetRef"] = map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "name": w.deployment.Name,
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(scaledObjectGVK())
	meta := p.besideDeployment(w)
	o.SetName(meta.Name)
	o.SetLabels(meta.Labels)
	return o, nil
}

// besideDeployment is the metadata of an object named like its Deployment.
func (p *predictor) besideDeployment(w *workload) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:   w.deployment.Name,
		Labels: map[string]string{v1.LabelDeploymentID: p.deployment.ID()},
	}
}
