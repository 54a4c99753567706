package controller_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/controller"
)

// ordered has objects of each rank: an Ingress of Traefik names a Middleware.
const ordered = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: ordered}
spec:
  predictors:
  - name: main
    graph: {name: a, type: TRANSFORMER, children: [{name: b, type: MODEL}]}
    componentSpecs:
    - spec: {containers: [{name: a, image: "a:1"}]}
      hpaSpec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}
      pdbSpec: {maxUnavailable: 1}
    - spec: {containers: [{name: b, image: "b:1"}]}
`

// TestFirstPassAppliesByRank records what an operator sends to the API server
// for a new deployment: Services, Deployments, what acts on Deployments, what
// leads requests names, what leads requests.
func TestFirstPassAppliesByRank(t *testing.T) {
	w := newWorld(t, server)
	if err := server.Install(t.Context(), traefikMiddleware()); err != nil {
		t.Fatal(err)
	}
	op := w.start(func(o *controller.Options) {
		o.Environment.Expand.Ingress = expand.DefaultWays().With(expand.WaySettings{"INGRESS_ENABLED": "true", "INGRESS_CONTROLLER": "traefik"})
	})
	w.apply(ordered)
	w.awaitWorkloads("ordered-main-0-a", "ordered-main-1-b")
	w.awaitState("ordered", v1.StatusCreating) // It is written at the end of the pass.

	ranks := map[string]expand.Rank{}
	for _, k := range expand.AllKinds() {
		ranks[k.Resource] = k.Rank
	}
	var sent []string
	var order []expand.Rank
	seen := map[expand.Rank]bool{}
	for _, request := range op.writes.list("PATCH") {
		path := strings.Split(request, "/")
		rank, known := ranks[path[len(path)-2]]
		if !known {
			continue // The status of the deployment.
		}
		sent, order = append(sent, request), append(order, rank)
		seen[rank] = true
	}
	if !slices.IsSorted(order) {
		t.Errorf("the objects are applied in the order\n%s", strings.Join(sent, "\n"))
	}
	want := []expand.Rank{expand.RankService, expand.RankWorkload, expand.RankScaler, expand.RankNamed, expand.RankTraffic}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("the ranks of what was applied are %v, want %v:\n%s", got, want, strings.Join(sent, "\n"))
	}
}

// traefikMiddleware is the definition of the kind, as far as the API server
// needs to know it.
func traefikMiddleware() []byte {
	return []byte(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: middlewares.traefik.io},
spec: {group: traefik.io, scope: Namespaced, names: {plural: middlewares, kind: Middleware}, versions: [{name: v1alpha1, served: true, storage: true,
schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}]}}`)
}
