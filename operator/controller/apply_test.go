package controller_test

import (
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const model = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: model}
spec:
  predictors:
  - name: main
    graph: {name: classifier, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: classifier, image: "mock:1"}]}}]
`

func TestDeploymentBecomesAvailable(t *testing.T) {
	w := newWorld(t, server)
	op := w.start()
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	w.awaitState("model", v1.StatusCreating)
	w.serve("model-main-0-classifier")
	d := w.awaitState("model", v1.StatusAvailable)
	if got := d.Status.Address; got == nil || got.URL != "http://model-main."+w.namespace+".svc.cluster.local:8000/api/v1.0/predictions" {
		t.Errorf("the address is %+v", got)
	}
	if got := op.writes.list(""); len(got) != 5 {
		t.Errorf("%d writes, want one for each of 3 objects and 2 of the status: %v", len(got), got)
	}
}
