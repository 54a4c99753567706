// Package v1 holds the SeldonDeployment API: its types as Kubernetes stores
// them, their defaults, their rules and the names of what is made from them.
// The older versions v1alpha2 and v1alpha3 have the same schema and are read
// as v1.
//
// +kubebuilder:object:generate=true
// +groupName=machinelearning.seldon.io
package v1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/prime-radiant/radiant/graph"
)

// Group, version and kind of the API.
const (
	Group   = "machinelearning.seldon.io"
	Version = "v1"
	Kind    = "SeldonDeployment"
)

// Protocol is a wire protocol of inference requests.
type Protocol string

// The protocols of the API. ProtocolKFServing is another name of ProtocolV2.
const (
	ProtocolSeldon     Protocol = "seldon"
	ProtocolTensorFlow Protocol = "tensorflow"
	ProtocolV2         Protocol = "v2"
	// ProtocolBentoML is spoken by servers of nodes, and by no client.
	ProtocolBentoML   Protocol = "bentoml"
	ProtocolKFServing Protocol = "kfserving"
)

// Transport is how requests reach the components.
type Transport string

// The transports of the API.
const (
	TransportREST Transport = "rest"
	TransportGRPC Transport = "grpc"
)

// ServerType is how requests reach the executor.
type ServerType string

// The server types of the API.
const (
	ServerRPC   ServerType = "rpc"
	ServerKafka ServerType = "kafka"
)

// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:shortName=sdep,categories=seldon
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name=State,type=string,JSONPath=.status.state
// +kubebuilder:printcolumn:name=Ready,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name=Protocol,type=string,JSONPath=.spec.protocol
// +kubebuilder:printcolumn:name=Replicas,type=integer,JSONPath=.status.replicas
// +kubebuilder:printcolumn:name=Desired,type=integer,JSONPath=.status.scaling.desired,priority=1
// +kubebuilder:printcolumn:name=Scaling,type=string,JSONPath=.status.scaling.reason,priority=1
// +kubebuilder:printcolumn:name=Address,type=string,JSONPath=.status.address.url,priority=1
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=.metadata.creationTimestamp

// SeldonDeployment is a set of predictors that share one external address.
type SeldonDeployment struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   SeldonDeploymentSpec   `json:"spec,omitempty"`
	Status SeldonDeploymentStatus `json:"status,omitempty"`
}

// +kubebuilder:object:root=true

// SeldonDeploymentList is a list of SeldonDeployments.
type SeldonDeploymentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SeldonDeployment `json:"items"`
}

// SeldonDeploymentSpec is what the user asks for.
type SeldonDeploymentSpec struct {
	// Name is deprecated; no object is named by it.
	Name string `json:"name,omitempty"`
	// Predictors share the deployment's address, each with its part of the
	// traffic.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:XValidation:rule="size(self) != 1 || !has(self[0].shadow) || !self[0].shadow",message="Shadow can not exist as only predictor"
	// +kubebuilder:validation:XValidation:rule="size(self.filter(p, has(p.shadow) && p.shadow)) <= 1",message="Multiple shadows are not allowed"
	// +kubebuilder:validation:XValidation:rule="self.exists_one(p, !has(p.shadow) || !p.shadow) || self.map(p, has(p.shadow) && p.shadow || !has(p.traffic) ? 0 : p.traffic).sum() == 100",message="Traffic must sum to 100 for multiple predictors"
	Predictors []PredictorSpec `json:"predictors"`
	// OauthKey and OauthSecret are accepted and ignored.
	OauthKey    string `json:"oauth_key,omitempty"`
	OauthSecret string `json:"oauth_secret,omitempty"`
	// Annotations are settings, copied to the Deployments and pods.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Protocol is the outside protocol; empty means seldon.
	// +kubebuilder:validation:Enum="";seldon;tensorflow;kfserving;v2
	Protocol Protocol `json:"protocol,omitempty"`
	// Transport is rest or grpc; empty means rest.
	// +kubebuilder:validation:Enum="";rest;grpc
	Transport Transport `json:"transport,omitempty"`
	// Replicas has the lowest priority of the replica counts.
	Replicas *int32 `json:"replicas,omitempty"`
	// ServerType is rpc or kafka; empty means rpc.
	// +kubebuilder:validation:Enum="";rpc;kafka
	ServerType ServerType `json:"serverType,omitempty"`
}

// PredictorSpec is one graph with the pods that serve it.
type PredictorSpec struct {
	Name           string          `json:"name"`
	Graph          graph.Node      `json:"graph"`
	ComponentSpecs []SeldonPodSpec `json:"componentSpecs,omitempty"`
	// Replicas applies to componentSpecs without a count of their own.
	Replicas    *int32            `json:"replicas,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// EngineResources is accepted and ignored; see SvcOrchSpec.Resources.
	EngineResources corev1.ResourceRequirements `json:"engineResources,omitempty"`
	Labels          map[string]string           `json:"labels,omitempty"`
	SvcOrchSpec     SvcOrchSpec                 `json:"svcOrchSpec,omitempty"`
	// Traffic is the percentage of requests; of a shadow, the percentage that
	// is mirrored to it (0 means all).
	Traffic   int32      `json:"traffic,omitempty"`
	Explainer *Explainer `json:"explainer,omitempty"`
	// Shadow predictors get copies of requests; their answers are dropped.
	Shadow bool `json:"shadow,omitempty"`
	SSL    *SSL `json:"ssl,omitempty"`
	// ProgressDeadlineSeconds is copied to the predictor's Deployments.
	ProgressDeadlineSeconds *int32 `json:"progressDeadlineSeconds,omitempty"`
}

// SvcOrchSpec configures the executor of a predictor.
type SvcOrchSpec struct {
	// Resources replaces all of the operator's defaults when given.
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	Env       []corev1.EnvVar              `json:"env,omitempty"`
	// Replicas counts only where the executor has a pod of its own.
	Replicas *int32 `json:"replicas,omitempty"`

	// What follows is an addition to the API, with the shapes of a pod's and a
	// container's fields. Annotations, Volumes, VolumeMounts and SecurityContext
	// (the container's) count wherever the executor runs; the rest only where it
	// has a pod of its own.
	Annotations map[string]string `json:"annotations,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
	NodeSelector       map[string]string          `json:"nodeSelector,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
	PriorityClassName         string                            `json:"priorityClassName,omitempty"`
}

// SSL names the Secret with tls.crt and tls.key.
type SSL struct {
	CertSecretName string `json:"certSecretName,omitempty"`
}

// Explainer explains the predictions of its predictor. An empty Type means
// there is none.
type Explainer struct {
	Type               string `json:"type,omitempty"`
	ModelURI           string `json:"modelUri,omitempty"`
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// ContainerSpec is a container of a pod.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	ContainerSpec           corev1.Container  `json:"containerSpec,omitempty"`
	Config                  map[string]string `json:"config,omitempty"`
	Endpoint                *graph.Endpoint   `json:"endpoint,omitempty"`
	EnvSecretRefName        string            `json:"envSecretRefName,omitempty"`
	StorageInitializerImage string            `json:"storageInitializerImage,omitempty"`
	Replicas                *int32            `json:"replicas,omitempty"`
	// InitParameters is a JSON object as text.
	InitParameters string `json:"initParameters,omitempty"`
}

// SeldonPodSpec becomes one Deployment.
type SeldonPodSpec struct {
	// Metadata gives the Deployment its name, and labels and annotations to it
	// and its pods.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Metadata metav1.ObjectMeta `json:"metadata,omitempty"`
	// Spec is the specification of a pod.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Spec    corev1.PodSpec `json:"spec,omitempty"`
	HPASpec *HPASpec       `json:"hpaSpec,omitempty"`
	// ScaleSpec excludes HPASpec and KEDASpec.
	ScaleSpec *ScaleSpec `json:"scaleSpec,omitempty"`
	// Replicas has the highest priority of the replica counts.
	Replicas *int32    `json:"replicas,omitempty"`
	KEDASpec *KEDASpec `json:"kedaSpec,omitempty"`
	PDBSpec  *PDBSpec  `json:"pdbSpec,omitempty"`
}

// HPASpec asks for a HorizontalPodAutoscaler.
type HPASpec struct {
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	MaxReplicas int32  `json:"maxReplicas"`
	// Metrics has the shape of the removed autoscaling/v2beta1. When it is
	// given, Metricsv2 is ignored.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	Metrics []V2beta1MetricSpec `json:"metrics,omitempty"`
	// Metricsv2 has the shape of autoscaling/v2.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	Metricsv2 []autoscalingv2.MetricSpec `json:"metricsv2,omitempty"`
	// Behavior has the shape of autoscaling/v2. It is an addition to the API.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
}

// PDBSpec asks for a PodDisruptionBudget.
type PDBSpec struct {
	MinAvailable   *intstr.IntOrString `json:"minAvailable,omitempty"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
}
