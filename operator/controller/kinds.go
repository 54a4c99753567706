package controller

import (
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// kind is a row of the table below.
type kind = expand.Kind

// kinds is the table of everything that deployments own: what expansions make,
// and ReplicaSets while the Deployment that they belonged to is being replaced.
// The version of an optional kind is empty: it is the one that the cluster
// prefers.
func kinds() []kind { return slices.Clone(kindTable()) }

// kindTable makes the table once: each pass asks for it many times. Nobody
// changes it.
var kindTable = sync.OnceValue(func() []kind {
	all := expand.AllKinds()
	for i := range all {
		if all[i].Optional {
			all[i].Version = ""
		}
	}
	return append(all, kind{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"), Resource: "replicasets", Noun: "ReplicaSet",
		Condition: v1.ConditionDeployments, Rank: expand.RankWorkload,
	})
})

// kindOf returns the row of a group and kind.
func kindOf(gk schema.GroupKind) (kind, bool) {
	all := kindTable()
	i := slices.IndexFunc(all, func(k kind) bool { return k.GroupKind() == gk })
	if i < 0 {
		return kind{}, false
	}
	return all[i], true
}

// unread is an empty object of a kind, as it is watched and read from the
// cache: Deployments and autoscalers are read with their conditions, in their
// types where these are known, and all else without its content.
func unread(k kind) client.Object {
	switch {
	case k.GroupKind() == workloadKind():
		return &appsv1.Deployment{}
	case k.GroupKind() == podScalerKind():
		return &autoscalingv2.HorizontalPodAutoscaler{}
	case scales(k):
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(k.GroupVersionKind)
		return u
	}
	return metadata(k.GroupVersionKind)
}

// unreadList is a list of such objects.
func unreadList(k kind) client.ObjectList {
	switch {
	case k.GroupKind() == workloadKind():
		return &appsv1.DeploymentList{}
	case k.GroupKind() == podScalerKind():
		return &autoscalingv2.HorizontalPodAutoscalerList{}
	case scales(k):
		l := &unstructured.UnstructuredList{}
		l.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
		return l
	}
	return metadataList(k.GroupVersionKind)
}

// metadata is an object of a kind without its content, as it is read.
func metadata(gvk schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(gvk)
	return o
}

func metadataList(gvk schema.GroupVersionKind) *metav1.PartialObjectMetadataList {
	l := &metav1.PartialObjectMetadataList{}
	l.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	return l
}
