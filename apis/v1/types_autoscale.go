package v1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// V2beta1MetricSpec is a metric as autoscaling/v2beta1 wrote it, an API that
// Kubernetes removed in 1.25 and that manifests still use.
type V2beta1MetricSpec struct {
	Type              autoscalingv2.MetricSourceType        `json:"type"`
	Object            *V2beta1ObjectMetricSource            `json:"object,omitempty"`
	Pods              *V2beta1PodsMetricSource              `json:"pods,omitempty"`
	Resource          *V2beta1ResourceMetricSource          `json:"resource,omitempty"`
	ContainerResource *V2beta1ContainerResourceMetricSource `json:"containerResource,omitempty"`
	External          *V2beta1ExternalMetricSource          `json:"external,omitempty"`
}

// V2beta1ObjectMetricSource is a metric of one Kubernetes object.
type V2beta1ObjectMetricSource struct {
	Target       autoscalingv2.CrossVersionObjectReference `json:"target"`
	MetricName   string                                    `json:"metricName"`
	TargetValue  resource.Quantity                         `json:"targetValue"`
	Selector     *metav1.LabelSelector                     `json:"selector,omitempty"`
	AverageValue *resource.Quantity                        `json:"averageValue,omitempty"`
}

// V2beta1PodsMetricSource is a metric of each pod, averaged.
type V2beta1PodsMetricSource struct {
	MetricName         string                `json:"metricName"`
	TargetAverageValue resource.Quantity     `json:"targetAverageValue"`
	Selector           *metav1.LabelSelector `json:"selector,omitempty"`
}

// V2beta1ResourceMetricSource is a resource of the pods, cpu or memory.
type V2beta1ResourceMetricSource struct {
	Name string `json:"name"`
	// TargetAverageUtilization is a percentage of the request.
	TargetAverageUtilization *int32             `json:"targetAverageUtilization,omitempty"`
	TargetAverageValue       *resource.Quantity `json:"targetAverageValue,omitempty"`
}

// V2beta1ContainerResourceMetricSource is a resource of one container.
type V2beta1ContainerResourceMetricSource struct {
	Name                     string             `json:"name"`
	TargetAverageUtilization *int32             `json:"targetAverageUtilization,omitempty"`
	TargetAverageValue       *resource.Quantity `json:"targetAverageValue,omitempty"`
	Container                string             `json:"container"`
}

// V2beta1ExternalMetricSource is a metric from outside the cluster.
type V2beta1ExternalMetricSource struct {
	MetricName         string                `json:"metricName"`
	MetricSelector     *metav1.LabelSelector `json:"metricSelector,omitempty"`
	TargetValue        *resource.Quantity    `json:"targetValue,omitempty"`
	TargetAverageValue *resource.Quantity    `json:"targetAverageValue,omitempty"`
}

// KEDASpec asks for a KEDA ScaledObject (keda.sh/v1alpha1); the fields are
// copied to it.
type KEDASpec struct {
	PollingInterval  *int32         `json:"pollingInterval,omitempty"`
	CooldownPeriod   *int32         `json:"cooldownPeriod,omitempty"`
	IdleReplicaCount *int32         `json:"idleReplicaCount,omitempty"`
	MinReplicaCount  *int32         `json:"minReplicaCount,omitempty"`
	MaxReplicaCount  *int32         `json:"maxReplicaCount,omitempty"`
	Advanced         *KEDAAdvanced  `json:"advanced,omitempty"`
	Triggers         []KEDATriggers `json:"triggers"`
	Fallback         *KEDAFallback  `json:"fallback,omitempty"`
}

// KEDAAdvanced is ScaledObject's advanced section.
type KEDAAdvanced struct {
	HorizontalPodAutoscalerConfig *KEDAHPAConfig        `json:"horizontalPodAutoscalerConfig,omitempty"`
	RestoreToOriginalReplicaCount bool                  `json:"restoreToOriginalReplicaCount,omitempty"`
	ScalingModifiers              *KEDAScalingModifiers `json:"scalingModifiers,omitempty"`
}

// KEDAHPAConfig configures the HorizontalPodAutoscaler that KEDA makes.
type KEDAHPAConfig struct {
	Name string `json:"name,omitempty"`
	// Behavior has the shape of autoscaling/v2.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
}

// KEDAScalingModifiers combines several triggers by a formula.
type KEDAScalingModifiers struct {
	Formula          string `json:"formula,omitempty"`
	Target           string `json:"target,omitempty"`
	ActivationTarget string `json:"activationTarget,omitempty"`
	MetricType       string `json:"metricType,omitempty"`
}

// KEDATriggers is one source that KEDA scales by.
type KEDATriggers struct {
	Type              string                         `json:"type"`
	Name              string                         `json:"name,omitempty"`
	Metadata          map[string]string              `json:"metadata"`
	AuthenticationRef *KEDAAuthenticationRef         `json:"authenticationRef,omitempty"`
	MetricType        autoscalingv2.MetricTargetType `json:"metricType,omitempty"`
	UseCachedMetrics  bool                           `json:"useCachedMetrics,omitempty"`
}

// KEDAAuthenticationRef names a TriggerAuthentication.
type KEDAAuthenticationRef struct {
	// +optional
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"`
}

// KEDAFallback is the replica count when a trigger cannot be read.
type KEDAFallback struct {
	// +optional
	FailureThreshold int32 `json:"failureThreshold"`
	// +optional
	Replicas int32  `json:"replicas"`
	Behavior string `json:"behavior,omitempty"`
}
