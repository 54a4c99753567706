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

// The types of conditions. Ready sums the others up. All but ConditionValid,
// ConditionRoutes, ConditionNetworkPolicies and ConditionReachable are those of existing installations, letter for letter.
const (
	ConditionReady       = "Ready"
	ConditionValid       = "Valid"
	ConditionDeployments = "DeploymentsReady"
	ConditionServices    = "ServicesReady"
	ConditionHPAs        = "HpasReady"
	ConditionKEDA        = "KedaReady"
	ConditionPDBs        = "PdbsReady"
	ConditionIstio       = "istioVirtualServicesReady"
	ConditionAmbassador  = "AmbassadorMappingsReady"
	// ConditionRoutes is of the routes of the Gateway API, and of Ingresses.
	ConditionRoutes = "RoutesReady"
	// ConditionNetworkPolicies is of what keeps others from pods.
	ConditionNetworkPolicies = "NetworkPoliciesReady"
	// ConditionReachable tells whether requests reach the deployment by its ways
	// into the cluster. It is unknown where nobody can ask them.
	ConditionReachable = "Reachable"
)

// SeldonDeploymentStatus is what the operator observed.
type SeldonDeploymentStatus struct {
	// State is Available, Creating or Failed.
	State StatusState `json:"state,omitempty"`
	// Description says why the state is what it is, where it is not Available.
	Description string `json:"description,omitempty"`
	// DeploymentStatus is by the name of the Deployment.
	DeploymentStatus map[string]DeploymentStatus `json:"deploymentStatus,omitempty"`
	// ServiceStatus is by the name of the Service.
	ServiceStatus map[string]ServiceStatus `json:"serviceStatus,omitempty"`
	// Replicas and Selector are the pods of the first predictor's first
	// Deployment, for autoscalers whose target is the SeldonDeployment.
	Replicas int32  `json:"replicas,omitempty"`
	Selector string `json:"selector,omitempty"`
	// Scaling is that of the first Deployment that its requests scale.
	Scaling *ScalingStatus `json:"scaling,omitempty"`
	// ModelVersions are the versions of models of nodes with modelRefresh, as pods tell of
	// them.
	ModelVersions []ModelVersionStatus `json:"modelVersions,omitempty"`
	// Address is where the first predictor answers inside the cluster.
	Address *Address `json:"address,omitempty"`
	// ObservedGeneration is the generation of the specification that the rest
	// of the status is about.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// +listType=map
	// +listMapKey=type
	Conditions  []Condition       `json:"conditions,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// DeploymentStatus is the state of one Deployment.
type DeploymentStatus struct {
	Name              string `json:"name,omitempty"`
	Status            string `json:"status,omitempty"`
	Description       string `json:"description,omitempty"`
	Replicas          int32  `json:"replicas,omitempty"`
	AvailableReplicas int32  `json:"availableReplicas,omitempty"`
	ExplainerFor      string `json:"explainerFor,omitempty"`
	// Scaling is of a Deployment that its requests scale.
	Scaling *ScalingStatus `json:"scaling,omitempty"`
}

// ScalingStatus is what was decided last about the pods of a Deployment.
type ScalingStatus struct {
	// Desired is how many pods there should be.
	Desired int32 `json:"desired"`
	// Ready is how many pods answer requests.
	Ready int32 `json:"ready"`
	// Reason is a word, Message a sentence.
	Reason string `json:"reason,omitempty"`
	// Message says in a sentence why it is this number.
	Message string `json:"message,omitempty"`
}

// ModelVersionStatus is what became of a version of a node's model, and in how many pods.
type ModelVersionStatus struct {
	// Predictor is the name of the predictor.
	Predictor string `json:"predictor,omitempty"`
	// Node is the name of the node of its graph.
	Node string `json:"node"`
	// Version is empty where the state is one of the store, StoreAway.
	Version string `json:"version,omitempty"`
	// State is Present, Loading, Serving, Unloading, Failed, Refused or StoreAway.
	State string `json:"state"`
	// Pods is in how many pods it is so.
	Pods int32 `json:"pods"`
	// Since is when the first of these pods had it so.
	Since metav1.Time `json:"since,omitempty,omitzero"`
	// Reason is a word for why it is refused.
	Reason string `json:"reason,omitempty"`
	// Message says in a sentence why it is refused.
	Message string `json:"message,omitempty"`
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

// Condition is one aspect of the status, after today's conventions: Reason is
// a word, Message a sentence. Objects that another operator wrote may have a
// sentence in Reason, and a severity.
type Condition struct {
	Type   string                 `json:"type"`
	Status metav1.ConditionStatus `json:"status"`
	// Severity is of existing objects; nothing writes it.
	Severity string `json:"severity,omitempty"`
	// ObservedGeneration is the generation of the specification that the
	// condition is about.
	ObservedGeneration int64       `json:"observedGeneration,omitempty"`
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty,omitzero"`
	Reason             string      `json:"reason,omitempty"`
	Message            string      `json:"message,omitempty"`
}
