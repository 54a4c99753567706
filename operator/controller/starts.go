package controller

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/operator/versions"
)

// A server that loads its model once, when it starts, takes a new version by a new pod. Which
// one it starts with is an annotation of the pod, so that a new choice makes all pods of the
// Deployment anew, in turn, and the former ones serve until then. What was chosen is written
// nowhere but on the Deployment.

// mostRefusedStarts bounds the versions that are remembered as those with which servers were
// not ready.
const mostRefusedStarts = 10

// StartsOf is what was chosen for a Deployment, by the names of nodes; nil: nothing.
func StartsOf(d metav1.Object) map[string]discovery.Choice {
	var known map[string]discovery.Choice
	if err := json.Unmarshal([]byte(d.GetAnnotations()[discovery.AnnotationStarts]), &known); err != nil || len(known) == 0 {
		return nil
	}
	return known
}

// starts are the versions that servers are to start with from now on: those that were chosen
// before, as far as pods tell of nothing else.
func (p *pass) starts(o *objects) map[string]map[string]discovery.Choice {
	var all map[string]map[string]discovery.Choice
	told, _ := p.told()
	for name, d := range p.workloads {
		says, ok := refreshedOf(d)
		if !ok {
			continue
		}
		before := StartsOf(d)
		chosen, isWritten := p.plan.facts.Starts[name]
		if last, known := o.memory.recall(refOf(workloadKind(), d)); !isWritten || !known || !isOlder(d.ResourceVersion, last.version) {
			chosen = chooseStarts(before, reportsOf(told, says.Predictor), p.places(says.Predictor), p.isLate(d)) // Otherwise what was written is not seen yet.
			p.starting = append(p.starting, startEvents(name, before, chosen)...)
		}
		if len(chosen) > 0 {
			if all == nil {
				all = map[string]map[string]discovery.Choice{}
			}
			all[name] = chosen
		}
	}
	return all
}

// isLate reports whether pods of a Deployment were given to nodes, and were not ready in time.
// Where there is no room for pods, or nobody may make them, nothing is known of a version.
func (p *pass) isLate(d *appsv1.Deployment) bool {
	if condition(d, appsv1.DeploymentProgressing).Reason != reasonStuck || !isStuck(d) || d.Status.ObservedGeneration < d.Generation {
		return false
	}
	return slices.ContainsFunc(p.pods, func(pod corev1.Pod) bool {
		is := func(kind corev1.PodConditionType, status corev1.ConditionStatus) bool {
			return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == kind && c.Status == status })
		}
		return workloadOf(&pod) == d.Name && pod.DeletionTimestamp == nil && !is(corev1.PodReady, corev1.ConditionTrue) && !is(corev1.PodScheduled, corev1.ConditionFalse)
	})
}

// places tell the modelUris of a predictor's nodes from others, by the names of nodes.
func (p *pass) places(predictor string) map[string]string {
	all := map[string]string{}
	for i := range p.deployment.Spec.Predictors {
		if s := &p.deployment.Spec.Predictors[i]; s.Name == predictor {
			s.Graph.Walk(func(_ string, n *graph.Node) { all[n.Name] = discovery.PlaceOf(n.ModelURI) })
		}
	}
	return all
}

// told is what the pods of the deployment said last; false: nothing is known.
func (p *pass) told() (told []versions.Told, known bool) {
	if p.found == nil {
		return nil, false
	}
	return p.found(p.name())
}

// reportsOf is what pods of a predictor say of nodes whose servers start with one version, by
// the names of nodes.
func reportsOf(told []versions.Told, predictor string) map[string][]discovery.Node {
	all := map[string][]discovery.Node{}
	for _, pod := range told {
		for _, n := range pod.Nodes {
			if pod.Predictor == predictor && n.Start != nil {
				all[n.Node] = append(all[n.Node], n)
			}
		}
	}
	return all
}

// chooseStarts is what is chosen for a Deployment after its pods have told of its nodes. What
// was chosen, and what is told, of versions at other places than those counts for nothing.
func chooseStarts(chosen map[string]discovery.Choice, reports map[string][]discovery.Node, places map[string]string, late bool) map[string]discovery.Choice {
	next := map[string]discovery.Choice{}
	for node, choice := range chosen {
		if choice.Place == places[node] {
			next[node] = choice
		}
	}
	for node, pods := range reports {
		pods = slices.DeleteFunc(pods, func(n discovery.Node) bool { return n.Start.Place != places[node] })
		if choice, changed := chooseStart(next[node], pods, late); changed {
			choice.Place = places[node]
			next[node] = choice
		}
	}
	return next
}

// chooseStart is the next choice for one node. Pods that were told the present one tell what
// comes after it. Where they are late and others serve, which started with another version,
// these show what to go back to: but for where some pod serves the present one, of which then
// something else keeps others.
func chooseStart(now discovery.Choice, pods []discovery.Node, late bool) (next discovery.Choice, changed bool) {
	next = discovery.Choice{Version: now.Version, Refused: slices.Clone(now.Refused)}
	newest, serves, back := "", false, ""
	for i := range pods {
		s := pods[i].Start
		isNow, answers := s.Told == now.Version, pods[i].Serves(s.Version)
		serves = serves || answers && (isNow || s.Version == now.Version)
		switch {
		case isNow && s.Next != "" && isHigher(now, s.Next, newest):
			newest = s.Next
		case !isNow && answers && s.Version != now.Version && isHigher(now, s.Version, back):
			back = s.Version
		}
	}
	switch {
	case newest != "" && newest == now.Version:
		next.Version = "" // A pod started while the store did not have it: each takes the newest, which it is.
		return next, true
	case newest != "":
		next.Version = newest
		return next, true
	case now.Version != "" && late && !serves && back != "":
		next.Refused = withRefused(next.Refused, now.Version)
		next.Version = back
		return next, true
	}
	return now, false
}

// isHigher reports whether a version was not refused, and is higher than another.
func isHigher(now discovery.Choice, version, than string) bool {
	return !slices.Contains(now.Refused, version) && discovery.Compare(version, than) > 0
}

// withRefused adds a version to those that were refused, of which the highest stay.
func withRefused(refused []string, version string) []string {
	refused = append(refused, version)
	slices.SortFunc(refused, discovery.Compare)
	return refused[max(0, len(refused)-mostRefusedStarts):]
}

// wordNotReady and notReadyInTime are what is said of a version with which servers were not ready.
const (
	wordNotReady   = "NotReady"
	notReadyInTime = "the pods that started with it were not ready in time, so that those before them go on; a newer version is taken"
)

// refusedStarts are the versions of nodes with which servers were not ready, as the status has
// them.
func (p *pass) refusedStarts() map[subject]v1.ModelVersionStatus {
	all := map[subject]v1.ModelVersionStatus{}
	for _, d := range p.workloads {
		says, _ := refreshedOf(d)
		for node, choice := range StartsOf(d) {
			for _, version := range choice.Refused {
				one := v1.ModelVersionStatus{
					Predictor: says.Predictor, Node: node, Version: version, State: discovery.Refused, Reason: wordNotReady, Message: notReadyInTime,
				}
				all[subjectOf(one)] = one
			}
		}
	}
	return all
}

// startEvents tell that pods are made anew for another version of a model.
func startEvents(name string, before, after map[string]discovery.Choice) (all []versionEvent) {
	for _, node := range slices.Sorted(maps.Keys(after)) {
		was, choice := before[node], after[node]
		if choice.Version == was.Version {
			continue
		}
		note := "Deployment " + name + " makes its pods anew, in turn, with version " + cmp.Or(choice.Version, was.Version) + " of node " + node
		if len(choice.Refused) > len(was.Refused) {
			note = "Deployment " + name + " goes back to version " + choice.Version + " of node " + node + ": with version " + was.Version + " its pods were not ready in time"
		}
		all = append(all, versionEvent{corev1.EventTypeNormal, "VersionStarting", note})
	}
	return all
}
