package expand

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// AnnotationShares tells, on objects that divide requests among predictors, how
// they do: "main=80,canary=20".
const AnnotationShares = "machinelearning.seldon.io/shares"

// shareAmongThoseThatServe gives what predictors would get that have no pods to
// the others, in proportion. Where none of the others gets requests, nothing
// changes.
func (t *traffic) shareAmongThoseThatServe(idle func(*backend) bool) {
	if !t.weighted() {
		return
	}
	var serving []*backend
	var lost, kept int32
	for i := range t.backends {
		switch b := &t.backends[i]; {
		case b.weight == 0:
		case idle(b):
			lost += b.weight
		default:
			serving = append(serving, b)
			kept += b.weight
		}
	}
	if lost == 0 || kept == 0 {
		return
	}
	for i := range t.backends {
		if b := &t.backends[i]; !slices.Contains(serving, b) {
			b.weight = 0
		}
	}
	spread(serving, lost+kept)
}

// spread gives backends a sum in proportion to their weights: whole numbers, of
// which those are rounded up that lose most by being rounded down.
func spread(among []*backend, sum int32) {
	var before, given int32
	for _, b := range among {
		before += b.weight
	}
	type part struct {
		*backend
		rest int32
	}
	parts := make([]part, len(among))
	for i, b := range among {
		exact := b.weight * sum
		parts[i] = part{b, exact % before}
		b.weight = exact / before
		given += b.weight
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.rest, a.rest) })
	for i := range parts[:sum-given] {
		parts[i].weight++
	}
}

// markShares writes on the objects of a way how they divide requests.
func (t *traffic) markShares(way *Way, objects []Object) {
	if !t.weighted() {
		return
	}
	for _, o := range objects {
		leads := func(k Kind) bool {
			return k.Rank == RankTraffic && k.GroupKind() == o.GetObjectKind().GroupVersionKind().GroupKind()
		}
		if slices.ContainsFunc(way.Kinds, leads) {
			t.mark(o)
		}
	}
	for _, b := range t.predictors() {
		if way.OnServices != "" && b.service.Annotations[way.OnServices] != "" {
			t.mark(b.service)
		}
	}
}

// mark writes the shares on an object.
func (t *traffic) mark(o metav1.Object) {
	parts := make([]string, len(t.backends))
	for i := range t.backends {
		parts[i] = t.backends[i].predictor + "=" + strconv.Itoa(int(t.backends[i].weight))
	}
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationShares] = strings.Join(parts, ",")
	o.SetAnnotations(annotations)
}

// Shares reads what [AnnotationShares] tells: the percentage of each predictor.
// It is nil for anything else.
func Shares(text string) map[string]int32 {
	shares := map[string]int32{}
	for part := range strings.SplitSeq(text, ",") {
		at := strings.LastIndexByte(part, '=')
		n, err := strconv.ParseInt(part[at+1:], 10, 32)
		if at < 0 || err != nil {
			return nil
		}
		shares[part[:at]] = int32(n)
	}
	return shares
}

// hasNoPods reports whether a predictor has no pods that take its requests: it
// asks for none, or the cluster knows that there are none.
func (p *predictor) hasNoPods() bool {
	if p.deployment.KeepsTraffic(p.spec) {
		return false
	}
	if p.in.Facts.WithoutPods[p.spec.Name] {
		return true
	}
	found := false
	for _, o := range p.objects {
		w, ok := o.(*appsv1.Deployment)
		if !ok || !IsFront(w, p.deployment, p.spec) {
			continue
		}
		if w.Spec.Replicas == nil || *w.Spec.Replicas > 0 {
			return false
		}
		found = true
	}
	return found
}

// IsFront reports whether the pods of a Deployment, of the expansion of d, take
// the requests of a predictor.
func IsFront(w *appsv1.Deployment, d *v1.SeldonDeployment, p *v1.PredictorSpec) bool {
	return w.Spec.Template.Labels[v1.LabelApp] == d.PredictorName(p)
}

// limitsOfShares warns of predictors that ask for requests and for no pods.
func limitsOfShares(t *traffic) []limit {
	var limits []limit
	for i := range t.backends {
		b := &t.backends[i]
		p := &t.deployment.Spec.Predictors[b.index]
		if t.weighted() && b.weight > 0 && p.Replicas != nil && *p.Replicas == 0 && !t.deployment.KeepsTraffic(p) {
			limits = append(limits, b.limit("traffic", fmt.Sprintf("has no effect while there are no pods (replicas: 0): the %d %% go to the others", b.weight)))
		}
	}
	return limits
}
