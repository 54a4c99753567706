package v1

import "k8s.io/apimachinery/pkg/api/resource"

// ScaleSpec scales a component by its requests. It is an addition to the API;
// [SeldonDeployment.Scaling] fills in what is left out.
type ScaleSpec struct {
	// MinReplicas may be 0, where an activator is installed.
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// MaxReplicas bounds the pods; nil or 0: nothing does.
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
	// Metric is concurrency or rps; empty means concurrency.
	// +kubebuilder:validation:Enum="";concurrency;rps
	Metric string `json:"metric,omitempty"`
	// Target is what one pod should have of the metric.
	Target *resource.Quantity `json:"target,omitempty"`
	// TargetUtilizationPercentage is the part of Target that is aimed at.
	TargetUtilizationPercentage *int32 `json:"targetUtilizationPercentage,omitempty"`
	// Window is a duration such as 60s.
	Window string `json:"window,omitempty"`
	// PanicWindowPercentage is a part of Window, PanicThresholdPercentage of
	// what the pods that are ready should have.
	PanicWindowPercentage    *int32 `json:"panicWindowPercentage,omitempty"`
	PanicThresholdPercentage *int32 `json:"panicThresholdPercentage,omitempty"`
	// ScaleDownDelay and ScaleToZeroGracePeriod are durations such as 30s.
	ScaleDownDelay         string `json:"scaleDownDelay,omitempty"`
	ScaleToZeroGracePeriod string `json:"scaleToZeroGracePeriod,omitempty"`
	// InitialScale is how many pods a new Deployment gets, ActivationScale the
	// least that there are as soon as any is wanted.
	InitialScale    *int32 `json:"initialScale,omitempty"`
	ActivationScale *int32 `json:"activationScale,omitempty"`
	// ContainerConcurrency is how many requests a pod works on at once; nil or
	// 0: any number.
	ContainerConcurrency *int32 `json:"containerConcurrency,omitempty"`
}
