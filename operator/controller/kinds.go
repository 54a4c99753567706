package controller

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// stage is when in a pass the objects of a kind are applied, and when those
// that are no longer wanted go.
type stage uint8

const (
	// stageService comes first: pods ask for their Services when they start.
	stageService stage = iota
	stageWorkload
	// stageScaler is of what acts on Deployments: autoscalers and budgets.
	stageScaler
	// stageRoute waits until the workloads behind the routes serve.
	stageRoute
)

// kind is a kind of objects that deployments own.
type kind struct {
	schema.GroupVersionKind
	// noun is what events call it, after Create, Update and Delete.
	noun string
	// condition is the condition of the status that tells of it.
	condition string
	stage     stage
	// optional kinds are those of projects that a cluster may not have; their
	// version is the one that the cluster prefers.
	optional bool
	// unlabelled kinds may lack the label of their deployment, where another
	// operator made them.
	unlabelled bool
}

// kinds is the table of everything that deployments own. ReplicaSets are among
// them while the Deployment that they belonged to is being replaced.
func kinds() []kind {
	return []kind{
		{gvk("", "v1", "Service"), "Service", v1.ConditionServices, stageService, false, false},
		{gvk("apps", "v1", "Deployment"), "Deployment", v1.ConditionDeployments, stageWorkload, false, false},
		{gvk("apps", "v1", "ReplicaSet"), "ReplicaSet", v1.ConditionDeployments, stageWorkload, false, false},
		{gvk("autoscaling", "v2", "HorizontalPodAutoscaler"), "HPA", v1.ConditionHPAs, stageScaler, false, false},
		{gvk("policy", "v1", "PodDisruptionBudget"), "PDB", v1.ConditionPDBs, stageScaler, false, false},
		{gvk("keda.sh", "", "ScaledObject"), "ScaledObject", v1.ConditionKEDA, stageScaler, true, false},
		// Of the routes, what others name comes first.
		{gvk("networking.istio.io", "", "DestinationRule"), "DestinationRule", v1.ConditionIstio, stageRoute, true, true},
		{gvk("networking.istio.io", "", "VirtualService"), "VirtualService", v1.ConditionIstio, stageRoute, true, true},
		{gvk("getambassador.io", "", "TLSContext"), "TLSContext", v1.ConditionAmbassador, stageRoute, true, false},
		{gvk("getambassador.io", "", "Mapping"), "AmbassadorMapping", v1.ConditionAmbassador, stageRoute, true, false},
		{gvk("traefik.io", "", "Middleware"), "Middleware", v1.ConditionRoutes, stageRoute, true, false},
		{gvk("traefik.io", "", "TraefikService"), "TraefikService", v1.ConditionRoutes, stageRoute, true, false},
		{gvk("gateway.networking.k8s.io", "", "HTTPRoute"), "HTTPRoute", v1.ConditionRoutes, stageRoute, true, false},
		{gvk("gateway.networking.k8s.io", "", "GRPCRoute"), "GRPCRoute", v1.ConditionRoutes, stageRoute, true, false},
		{gvk("networking.k8s.io", "v1", "Ingress"), "Ingress", v1.ConditionRoutes, stageRoute, false, false},
	}
}

func gvk(group, version, name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: version, Kind: name}
}

// kindOf returns the row of a group and kind.
func kindOf(gk schema.GroupKind) (kind, bool) {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.GroupKind() == gk })
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// metadata is an object of the kind without its content, as it is read.
func (k kind) metadata() *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(k.GroupVersionKind)
	return o
}

func (k kind) metadataList() *metav1.PartialObjectMetadataList {
	l := &metav1.PartialObjectMetadataList{}
	l.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
	return l
}
