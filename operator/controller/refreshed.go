package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/operator/versions"
	"github.com/prime-radiant/radiant/scrape"
	"github.com/prime-radiant/radiant/wording"
)

// What pods find of new versions of their models is in the status: see package discovery.

const (
	// mostVersions bounds those in a status, and mostInVersion what is said of one.
	mostVersions  = 100
	mostInVersion = 512
)

// refreshedPods are the pods whose executors know of versions of models.
func refreshedPods(ctx context.Context, c client.Reader) ([]versions.Target, error) {
	var list appsv1.DeploymentList
	if err := c.List(ctx, &list, client.UnsafeDisableDeepCopy, client.MatchingLabels{discovery.LabelRefreshed: "true"}); err != nil {
		return nil, fmt.Errorf("listing Deployments: %w", err)
	}
	var targets []versions.Target
	for i := range list.Items {
		d := &list.Items[i]
		owner := metav1.GetControllerOf(d)
		says, ok := refreshedOf(d)
		if owner == nil || !isDeployment(*owner) || !ok {
			continue
		}
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.UnsafeDisableDeepCopy, client.InNamespace(d.Namespace), client.MatchingFields{indexWorkload: d.Name}); err != nil {
			return nil, fmt.Errorf("listing pods of Deployment %s: %w", d.Name, err)
		}
		for j := range pods.Items {
			pod := &pods.Items[j]
			if pod.Status.PodIP == "" || isOver(pod) {
				continue
			}
			targets = append(targets, versions.Target{
				Deployment: types.NamespacedName{Namespace: d.Namespace, Name: owner.Name}, Predictor: says.Predictor, Pod: pod.UID,
				URL: scrape.URL(says.TLS, pod.Status.PodIP, says.ReportPort, discovery.PathReport),
			})
		}
	}
	return targets, nil
}

// refreshedOf is what a Deployment says of its pods; false: nothing.
func refreshedOf(d *appsv1.Deployment) (says discovery.Refreshed, ok bool) {
	err := json.Unmarshal([]byte(d.Annotations[discovery.AnnotationRefreshed]), &says)
	return says, err == nil
}

// modelVersions is what the status says of the versions of models that are looked for.
// While no pod has answered it stays as it was, unless there are no pods for good.
func (p *pass) modelVersions(before []v1.ModelVersionStatus) []v1.ModelVersionStatus {
	if !refreshes(p.deployment) {
		return nil
	}
	gone := p.withoutPods()
	before = slices.DeleteFunc(slices.Clone(before), func(v v1.ModelVersionStatus) bool { return gone[v.Predictor] })
	told, known := p.told()
	if !known {
		return before
	}
	all := counted(p.refusedStarts())
	isRefused := func(predictor, node, version string) bool {
		_, refused := all[subject{predictor, node, version, discovery.Refused, wordNotReady}]
		return refused
	}
	for _, pod := range told {
		if gone[pod.Predictor] {
			continue // It was, and the next question will not find it.
		}
		for _, n := range pod.Nodes {
			if n.Store != "" {
				all.count(v1.ModelVersionStatus{Predictor: pod.Predictor, Node: n.Node, State: discovery.StoreAway, Message: n.Store})
			}
			for _, v := range n.Versions {
				if v.State != discovery.Serving && isRefused(pod.Predictor, n.Node, v.Version) {
					continue // It waits beside others, for nobody.
				}
				all.count(v1.ModelVersionStatus{
					Predictor: pod.Predictor, Node: n.Node, Version: v.Version, State: v.State,
					Since: metav1.Unix(v.Since.Unix(), 0), Reason: v.Reason, Message: v.Message,
				})
			}
		}
	}
	shown := highest(slices.Collect(maps.Values(all)))
	slices.SortFunc(shown, func(a, b v1.ModelVersionStatus) int { return subjectOf(a).compare(subjectOf(b)) })
	return shown
}

// subject is what a part of the status is of: what is said of one is said once.
type subject struct{ predictor, node, version, state, reason string }

func subjectOf(v v1.ModelVersionStatus) subject {
	return subject{v.Predictor, v.Node, v.Version, v.State, v.Reason}
}

func (s subject) compare(other subject) int {
	return cmp.Or(cmp.Compare(s.predictor, other.predictor), cmp.Compare(s.node, other.node),
		discovery.Compare(s.version, other.version), cmp.Compare(s.state, other.state), cmp.Compare(s.reason, other.reason))
}

// withoutPods are predictors whose Deployments want no pods and have none, so that no version
// of a model serves there.
func (p *pass) withoutPods() map[string]bool {
	gone := map[string]bool{}
	for _, d := range p.workloads {
		if says, ok := refreshedOf(d); ok {
			others, has := gone[says.Predictor]
			gone[says.Predictor] = (others || !has) && d.Spec.Replicas != nil && *d.Spec.Replicas == 0 && d.Status.Replicas == 0
		}
	}
	return gone
}

// highest are as many as a status has, of more: those of stores, and of versions the
// highest, which are the new ones.
func highest(all []v1.ModelVersionStatus) []v1.ModelVersionStatus {
	if len(all) <= mostVersions {
		return all
	}
	isStore := func(v v1.ModelVersionStatus) int {
		if v.State == discovery.StoreAway {
			return 0
		}
		return 1
	}
	slices.SortFunc(all, func(a, b v1.ModelVersionStatus) int {
		return cmp.Or(cmp.Compare(isStore(a), isStore(b)), discovery.Compare(b.Version, a.Version), subjectOf(a).compare(subjectOf(b)))
	})
	return all[:mostVersions]
}

// counted is what pods say, by what it is of: the same of one version is said once.
type counted map[subject]v1.ModelVersionStatus

// count adds what a pod says to what others said. A message is the first one's.
func (c counted) count(one v1.ModelVersionStatus) {
	of := subjectOf(one)
	all, known := c[of]
	if one.Since.Unix() <= 0 {
		one.Since = metav1.Time{} // Nobody says.
	}
	if !known {
		all, all.Message = one, wording.Cut(one.Message, mostInVersion)
	}
	all.Pods++
	if !one.Since.IsZero() && (all.Since.IsZero() || one.Since.Before(&all.Since)) {
		all.Since = one.Since
	}
	c[of] = all
}

// refreshes reports whether the model of some node is looked at for new versions.
func refreshes(d *v1.SeldonDeployment) (any bool) {
	for i := range d.Spec.Predictors {
		d.Spec.Predictors[i].Graph.Walk(func(_ string, n *graph.Node) { any = any || n.ModelRefresh != "" })
	}
	return any
}

// versionEvent is one of what became of a version.
type versionEvent struct{ kind, reason, note string }

// versionEvents are what a new status says of versions that the one before did not.
func versionEvents(before, after []v1.ModelVersionStatus) (all []versionEvent) {
	was := map[subject]bool{}
	for _, v := range before {
		was[subjectOf(v)] = true
	}
	for _, v := range after {
		if was[subjectOf(v)] {
			continue
		}
		of := fmt.Sprintf("version %s of node %s", v.Version, v.Node)
		if v.Predictor != "" {
			of += " of predictor " + v.Predictor
		}
		switch v.State {
		case discovery.Serving:
			all = append(all, versionEvent{corev1.EventTypeNormal, "VersionServing", of + " serves"})
		case discovery.Refused:
			all = append(all, versionEvent{corev1.EventTypeWarning, "VersionRefused", of + " is refused: " + v.Message})
		case discovery.Failed:
			all = append(all, versionEvent{corev1.EventTypeWarning, "VersionFailed", of + " does not load"})
		case discovery.StoreAway:
			all = append(all, versionEvent{
				corev1.EventTypeWarning, discovery.StoreAway,
				fmt.Sprintf("the store of node %s cannot be asked for new versions; what is there goes on serving: %s", v.Node, v.Message),
			})
		}
	}
	return all
}

// tellVersions records what became of versions.
func (r *Reconciler) tellVersions(p *pass, before, after []v1.ModelVersionStatus) {
	for _, e := range versionEvents(before, after) {
		r.recorder.Tell(p.stored, e.kind, e.reason, e.note)
	}
}
