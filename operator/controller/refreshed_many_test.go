package controller

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/operator/versions"
)

// TestOfManyVersionsTheNewOnesAreInTheStatus: there are more than a status has, and the
// one that has just come is told of, and that a store is away.
func TestOfManyVersionsTheNewOnesAreInTheStatus(t *testing.T) {
	n := discovery.Node{Node: "clf", Store: "503 Slow Down"}
	for i := 1; i <= mostVersions+5; i++ {
		n.Versions = append(n.Versions, discovery.Version{Version: strconv.Itoa(i), State: discovery.Serving})
	}
	d := &v1.SeldonDeployment{}
	d.Spec.Predictors = []v1.PredictorSpec{{Name: "main", Graph: graph.Node{Name: "clf", ModelRefresh: "60s"}}}
	p := &pass{facts: &facts{deployment: d, stored: newDeployment()}, found: func(types.NamespacedName) ([]versions.Told, bool) {
		return []versions.Told{{Predictor: "main", Report: discovery.Report{Nodes: []discovery.Node{n}}}}, true
	}}
	got := p.modelVersions(nil)
	if len(got) != mostVersions {
		t.Fatalf("there are %d", len(got))
	}
	if first, second, last := got[0], got[1].Version, got[len(got)-1].Version; first.State != discovery.StoreAway || second != "7" || last != strconv.Itoa(mostVersions+5) {
		t.Errorf("they are from %+v and %s to %s", first, second, last)
	}
}

// TestWithoutPodsNoVersionServes: of a predictor that was taken to no pods the status does
// not go on to say what serves, whether or not somebody remembers; the others' stays.
func TestWithoutPodsNoVersionServes(t *testing.T) {
	d := &v1.SeldonDeployment{}
	d.Spec.Predictors = []v1.PredictorSpec{{Name: "main", Graph: graph.Node{Name: "clf", ModelRefresh: "60s"}}}
	serving := func(predictor string) v1.ModelVersionStatus {
		return v1.ModelVersionStatus{Predictor: predictor, Node: "clf", Version: "7", State: discovery.Serving, Pods: 1}
	}
	before := []v1.ModelVersionStatus{serving("main"), serving("other")}
	workload := func(wanted, there int32) *appsv1.Deployment {
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{discovery.AnnotationRefreshed: `{"predictor":"main","reportPort":8000}`}},
			Spec:       appsv1.DeploymentSpec{Replicas: &wanted}, Status: appsv1.DeploymentStatus{Replicas: there},
		}
	}
	remembered := func(types.NamespacedName) (told []versions.Told, known bool) {
		for _, predictor := range []string{"main", "other"} {
			told = append(told, versions.Told{Predictor: predictor, Report: discovery.Report{Nodes: []discovery.Node{
				{Node: "clf", Versions: []discovery.Version{{Version: "7", State: discovery.Serving}}},
			}}})
		}
		return told, true
	}
	forgotten := func(types.NamespacedName) ([]versions.Told, bool) { return nil, false }
	for name, found := range map[string]func(types.NamespacedName) ([]versions.Told, bool){"remembered": remembered, "forgotten": forgotten, "nobody asks": nil} {
		for _, c := range []struct {
			wanted, there int32
			want          []v1.ModelVersionStatus
		}{
			{0, 0, []v1.ModelVersionStatus{serving("other")}},
			{0, 1, before}, // It is on its way out, and serves.
			{1, 0, before}, // It is about to come back.
		} {
			p := &pass{facts: &facts{deployment: d, stored: newDeployment()}, workloads: map[string]*appsv1.Deployment{"w": workload(c.wanted, c.there)}, found: found}
			if diff := cmp.Diff(c.want, p.modelVersions(before)); diff != "" {
				t.Errorf("%s, %d of %d pods: -want +got:\n%s", name, c.there, c.wanted, diff)
			}
		}
	}
	if len(before) != 2 || before[0].Predictor != "main" {
		t.Errorf("what was stored is changed: %v", before)
	}
}

// TestWhatManyPodsSayIsCounted: of many versions in many pods each is said once, with the
// number of pods and the first time of them.
func TestWhatManyPodsSayIsCounted(t *testing.T) {
	const pods, each = 100, 2_000
	d := &v1.SeldonDeployment{}
	d.Spec.Predictors = []v1.PredictorSpec{{Name: "main", Graph: graph.Node{Name: "clf", ModelRefresh: "60s"}}}
	p := &pass{facts: &facts{deployment: d, stored: newDeployment()}, found: func(types.NamespacedName) (told []versions.Told, known bool) {
		for i := range pods {
			n := discovery.Node{Node: "clf"}
			for v := range each {
				n.Versions = append(n.Versions, discovery.Version{Version: strconv.Itoa(v + 1), State: discovery.Serving, Since: time.Unix(int64(2_000-i), 0)})
			}
			told = append(told, versions.Told{Predictor: "main", Report: discovery.Report{Nodes: []discovery.Node{n}}})
		}
		return told, true
	}}
	got := p.modelVersions(nil)
	if len(got) != mostVersions {
		t.Fatalf("there are %d", len(got))
	}
	for i, v := range got {
		want := v1.ModelVersionStatus{
			Predictor: "main", Node: "clf", Version: strconv.Itoa(each - mostVersions + 1 + i), State: discovery.Serving,
			Since: metav1.Unix(2_000-pods+1, 0), Pods: pods,
		}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	if said := versionEvents(got[:mostVersions-1], got); len(said) != 1 || said[0].note != "version 2000 of node clf of predictor main serves" {
		t.Errorf("the events are %+v", said)
	}
}
