package training

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	schedule "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
)

// room is what the nodes of a cluster have free: what they can give, without what
// pods that have not ended ask for.
type room struct{ nodes []place }

// place is a node and what it has free.
type place struct {
	node *corev1.Node
	free corev1.ResourceList
}

// newRoom returns what is free on nodes. Pods that the scheduler has still to place
// take what they fit into; those with gates take nothing.
func newRoom(nodes []corev1.Node, pods []corev1.Pod) *room {
	r := &room{}
	byName := map[string]int{}
	for i := range nodes {
		if n := &nodes[i]; isReady(n) && !n.Spec.Unschedulable {
			byName[n.Name] = len(r.nodes)
			r.nodes = append(r.nodes, place{n, n.Status.Allocatable.DeepCopy()})
		}
	}
	var waiting []*corev1.Pod
	for i := range pods {
		p := &pods[i]
		at, known := byName[p.Spec.NodeName]
		switch {
		case p.Status.Phase == corev1.PodSucceeded, p.Status.Phase == corev1.PodFailed:
		case known:
			r.nodes[at].take(needs(p))
		case p.Spec.NodeName == "" && len(p.Spec.SchedulingGates) == 0:
			waiting = append(waiting, p)
		}
	}
	r.placeAll(waiting)
	return r
}

func isReady(n *corev1.Node) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// needs is what a pod asks of its node.
func needs(p *corev1.Pod) corev1.ResourceList {
	all := resource.PodRequests(p, resource.PodResourcesOptions{})
	if all == nil {
		all = corev1.ResourceList{}
	}
	all[corev1.ResourcePods] = *apiresource.NewQuantity(1, apiresource.DecimalSI)
	return all
}

// placeAll places pods, the largest first, and returns those that find no place.
func (r *room) placeAll(pods []*corev1.Pod) []*corev1.Pod {
	wants := make(map[*corev1.Pod]corev1.ResourceList, len(pods))
	for _, p := range pods {
		wants[p] = needs(p)
	}
	sorted := slices.Clone(pods)
	slices.SortStableFunc(sorted, func(a, b *corev1.Pod) int {
		left, right := wants[a], wants[b]
		return cmp.Or(right.Cpu().Cmp(*left.Cpu()), right.Memory().Cmp(*left.Memory()))
	})
	var left []*corev1.Pod
	for _, p := range sorted {
		at := slices.IndexFunc(r.nodes, func(n place) bool { return n.has(wants[p]) && n.takes(p) })
		if at < 0 {
			left = append(left, p)
			continue
		}
		r.nodes[at].take(wants[p])
	}
	return left
}

// has reports whether a node has so much free.
func (n place) has(wanted corev1.ResourceList) bool {
	for name, much := range wanted {
		free := n.free[name]
		if much.Sign() > 0 && free.Cmp(much) < 0 {
			return false
		}
	}
	return true
}

func (n place) take(taken corev1.ResourceList) {
	for name, much := range taken {
		free := n.free[name]
		free.Sub(much)
		n.free[name] = free
	}
}

// takes reports whether a node lets a pod come and the pod wants to be there: by
// taints, selectors and affinity to nodes.
func (n place) takes(p *corev1.Pod) bool {
	keepsOff := func(t *corev1.Taint) bool {
		return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
	}
	if _, kept := schedule.FindMatchingUntoleratedTaint(klog.Background(), n.node.Spec.Taints, p.Spec.Tolerations, keepsOff, false); kept {
		return false
	}
	fits, err := nodeaffinity.GetRequiredNodeAffinity(p).Match(n.node)
	return fits && err == nil
}
