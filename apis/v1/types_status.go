package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// StatusState sums the status up in one word.
type StatusState string

// The states of the API.
const (
	StatusAvailable StatusState = "Available"
	StatusCreating  StatusState = "Creating"
	StatusFailed    StatusState = "Failed"
)

// SeldonDeploymentStatus is what the operator observed.
type SeldonDeploymentStatus struct {
	State              StatusState                 `json:"state,omitempty"`
	Description        string                      `json:"description,omitempty"`
	DeploymentStatus   map[string]DeploymentStatus `json:"deploymentStatus,omitempty"`
	ServiceStatus      map[string]ServiceStatus    `json:"serviceStatus,omitempty"`
	Replicas           int32                       `json:"replicas,omitempty"`
	Address            *Address                    `json:"address,omitempty"`
	ObservedGeneration int64                       `json:"observedGeneration,omitempty"`
	Conditions         []Condition                 `json:"conditions,omitempty"`
	Annotations        map[string]string           `json:"annotations,omitempty"`
}

// DeploymentStatus is the state of one Deployment.
type DeploymentStatus struct {
	Name              string `json:"name,omitempty"`
	Status            string `json:"status,omitempty"`
	Description       string `json:"description,omitempty"`
	Replicas          int32  `json:"replicas,omitempty"`
	AvailableReplicas int32  `json:"availableReplicas,omitempty"`
	ExplainerFor      string `json:"explainerFor,omitempty"`
}

// ServiceStatus is the address of one Service.
type ServiceStatus struct {
	SvcName      string `json:"svcName,omitempty"`
	HTTPEndpoint string `json:"httpEndpoint,omitempty"`
	GRPCEndpoint string `json:"grpcEndpoint,omitempty"`
	ExplainerFor string `json:"explainerFor,omitempty"`
}

// Address is where the first predictor answers inside the cluster.
type Address struct {
	URL string `json:"url,omitempty"`
}

// Condition is one aspect of the status. Unlike metav1.Condition it has a
// severity, and its reason may hold a sentence, as in the stored objects of
// existing installations.
type Condition struct {
	Type               string                 `json:"type"`
	Status             metav1.ConditionStatus `json:"status"`
	Severity           string                 `json:"severity,omitempty"`
	LastTransitionTime metav1.Time            `json:"lastTransitionTime,omitempty"`
	Reason             string                 `json:"reason,omitempty"`
	Message            string                 `json:"message,omitempty"`
}
