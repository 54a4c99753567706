package controller

import (
	"strconv"
	"testing"

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
	if first, second, last := got[0], got[1].Version, got[len(got)-1].Version; first.State != storeAway || second != "7" || last != strconv.Itoa(mostVersions+5) {
		t.Errorf("they are from %+v and %s to %s", first, second, last)
	}
}
