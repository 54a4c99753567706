package expand

import (
	"cmp"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Rank is where an object stands in the order in which a deployment's objects
// are applied and printed: those of a lower rank come first. What is no longer
// wanted goes in the reverse order.
type Rank uint8

// The ranks.
const (
	// RankService comes first: pods ask for their Services when they start.
	RankService Rank = iota
	RankWorkload
	// RankScaler is of what acts on Deployments: autoscalers and budgets.
	RankScaler
	// RankNamed is of what objects of the next rank name. It waits, as they do,
	// until the Deployments that requests would reach serve.
	RankNamed
	// RankTraffic is of what leads requests to a deployment.
	RankTraffic
)

// OfTraffic reports whether an object of this rank has a part in sending
// requests to a deployment.
func (r Rank) OfTraffic() bool { return r >= RankNamed }

// Kind is a kind of objects that deployments own.
type Kind struct {
	schema.GroupVersionKind
	// Resource is the plural by which paths and rights name the kind.
	Resource string
	// Noun is what events call it, after Create, Update and Delete.
	Noun string
	// Condition is the condition of the status that tells of it.
	Condition string
	Rank      Rank
	// Optional kinds are those of projects that a cluster may not have.
	Optional bool
	// When is the setting of its way under which the kind is made; the zero value:
	// always.
	When Choice
	// traffic are annotations by which an object of the kind leads requests to a
	// deployment.
	traffic []string
}

// RankOf is the rank of one object of the kind. A Service may lead requests by
// its annotations; then it has the rank of what does.
func (k *Kind) RankOf(o metav1.Object) Rank {
	for _, annotation := range k.traffic {
		if o.GetAnnotations()[annotation] != "" {
			return RankTraffic
		}
	}
	return k.Rank
}

// AllKinds lists the kinds of objects that expansions make, under any settings:
// of one that comes in several versions, the first.
func AllKinds() []Kind {
	all := fixedKinds()
	for _, w := range Ways() {
		for _, k := range w.Kinds {
			if !slices.ContainsFunc(all, func(other Kind) bool { return other.GroupKind() == k.GroupKind() }) {
				all = append(all, k)
			}
		}
	}
	return all
}

// fixedKinds is the table of the kinds that do not depend on the ways into the
// cluster.
func fixedKinds() []Kind {
	var onServices []string
	for _, w := range Ways() {
		if w.OnServices != "" {
			onServices = append(onServices, w.OnServices)
		}
	}
	return []Kind{
		{GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Service"), Resource: "services", Noun: "Service",
			Condition: v1.ConditionServices, Rank: RankService, traffic: onServices},
		{GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"), Resource: "networkpolicies", Noun: "NetworkPolicy",
			Condition: v1.ConditionNetworkPolicies, Rank: RankService},
		{GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"), Resource: "deployments", Noun: "Deployment",
			Condition: v1.ConditionDeployments, Rank: RankWorkload},
		{GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), Resource: "horizontalpodautoscalers", Noun: "HPA",
			Condition: v1.ConditionHPAs, Rank: RankScaler},
		{GroupVersionKind: policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"), Resource: "poddisruptionbudgets", Noun: "PDB",
			Condition: v1.ConditionPDBs, Rank: RankScaler},
		{GroupVersionKind: scaledObjectGVK(), Resource: "scaledobjects", Noun: "ScaledObject",
			Condition: v1.ConditionKEDA, Rank: RankScaler, Optional: true},
	}
}

// Kinds lists the kinds of objects that expansions with these settings make.
func Kinds(c Config) []Kind {
	kinds := slices.DeleteFunc(fixedKinds(), func(k Kind) bool { return k.GroupVersionKind == scaledObjectGVK() && !c.KEDA })
	for _, w := range c.Ingress.waysOn() {
		kinds = append(kinds, c.Ingress.kindsOf(&w)...)
	}
	return kinds
}

// byRank puts objects into the order of their ranks; those of one rank stay in
// the order in which they were made.
func byRank(objects []Object) {
	rank := func(o Object) Rank {
		k := kindRows()[o.GetObjectKind().GroupVersionKind().GroupKind()]
		return k.RankOf(o)
	}
	slices.SortStableFunc(objects, func(a, b Object) int { return cmp.Compare(rank(a), rank(b)) })
}

// kindRows are the rows of [AllKinds] by kind, made once: each expansion asks
// for them.
var kindRows = sync.OnceValue(func() map[schema.GroupKind]Kind {
	rows := map[schema.GroupKind]Kind{}
	for _, k := range AllKinds() {
		rows[k.GroupKind()] = k
	}
	return rows
})
