package diff

import (
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestTextLeavesNoiseOut(t *testing.T) {
	predictor := base64.StdEncoding.EncodeToString([]byte(`{"name":"default","graph":{"name":"iris"}}`))
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(`
apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris
  uid: 4711
  resourceVersion: "7"
  managedFields: [{manager: radiant}]
  annotations: {machinelearning.seldon.io/applied-hash: abc, deployment.kubernetes.io/revision: "3"}
  ownerReferences: [{kind: SeldonDeployment, name: iris, uid: 4712}]
spec:
  template:
    spec:
      containers:
      - name: executor
        env:
        - {name: ENGINE_PREDICTOR, value: `+predictor+`}
        - {name: OTHER, value: `+predictor+`}
status: {replicas: 1}
`), &o.Object); err != nil {
		t.Fatal(err)
	}
	before := o.DeepCopy()
	got, err := text(o)
	if err != nil {
		t.Fatal(err)
	}
	want := `apiVersion: apps/v1
kind: Deployment
metadata:
  name: iris
  ownerReferences:
  - kind: SeldonDeployment
    name: iris
spec:
  template:
    spec:
      containers:
      - env:
        - name: ENGINE_PREDICTOR
          value: |
            {
              "name": "default",
              "graph": {
                "name": "iris"
              }
            }
        - name: OTHER
          value: ` + predictor + `
        name: executor
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(before, o); diff != "" {
		t.Errorf("the object was changed:\n%s", diff)
	}
}
