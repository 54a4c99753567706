package v1

import "strings"

// DefaultNamespace is where a deployment without a namespace goes.
const DefaultNamespace = "default"

// Annotations that change what is made from a deployment.
const (
	// AnnotationSeparateExecutor, "true" in spec.annotations, gives the
	// executor a pod of its own.
	AnnotationSeparateExecutor = "seldon.io/engine-separate-pod"
	// AnnotationExecutorEnv begins the names in spec.annotations that stand for
	// variables of the executor, except for the one above.
	AnnotationExecutorEnv = "seldon.io/engine-"
	// AnnotationNoExecutor, "true" in a predictor's annotations, lets requests
	// go to the model without an executor.
	AnnotationNoExecutor = "seldon.io/no-engine"
	// AnnotationServiceName, in a predictor's annotations, names its Service.
	AnnotationServiceName = "seldon.io/svc-name"
	// AnnotationNoStorageInitializer, "true" in spec.annotations, lets Triton
	// read its repository itself.
	AnnotationNoStorageInitializer = "seldon.io/no-storage-initializer"
)

// NoExecutor reports whether the predictor asks to be served without executor.
func (p *PredictorSpec) NoExecutor() bool {
	return strings.EqualFold(p.Annotations[AnnotationNoExecutor], "true")
}

// SeparateExecutor reports whether the executor of p has a pod of its own.
func (d *SeldonDeployment) SeparateExecutor(p *PredictorSpec) bool {
	return strings.EqualFold(d.Spec.Annotations[AnnotationSeparateExecutor], "true") && !p.NoExecutor()
}

// Annotation returns a setting that may stand in spec.annotations or, with
// lower priority, in the object's own annotations.
func (d *SeldonDeployment) Annotation(key string) (value string, ok bool) {
	if value, ok = d.Spec.Annotations[key]; ok {
		return value, true
	}
	value, ok = d.Annotations[key]
	return value, ok
}
