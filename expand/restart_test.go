package expand_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

const changedDeployment = `
metadata: {name: d}
spec:
  annotations: {seldon.io/rest-timeout: "5000"}
  predictors:
  - name: a
    traffic: 60
    replicas: 2
    componentSpecs:
    - hpaSpec: {minReplicas: 1, maxReplicas: 3}
      pdbSpec: {minAvailable: 1}
      spec:
        containers:
        - {name: m, image: "example/m:1", env: [{name: TOKEN, value: literal-secret}]}
    graph: {name: m, type: MODEL}
    explainer: {type: ALE}
  - name: b
    traffic: 40
    componentSpecs: [{spec: {containers: [{name: m, image: "example/m:2"}]}}]
    graph: {name: m, type: MODEL}
`

// TestNoRestart: what does not concern the pods changes no pod's template.
func TestNoRestart(t *testing.T) {
	before := templates(t, parse(t, changedDeployment))
	first := func(d *v1.SeldonDeployment) *v1.PredictorSpec { return &d.Spec.Predictors[0] }
	for name, change := range map[string]func(*v1.SeldonDeployment){
		"HPA":    func(d *v1.SeldonDeployment) { first(d).ComponentSpecs[0].HPASpec.MaxReplicas = 9 },
		"no HPA": func(d *v1.SeldonDeployment) { first(d).ComponentSpecs[0].HPASpec = nil },
		"KEDA":   func(d *v1.SeldonDeployment) { first(d).ComponentSpecs[0].KEDASpec = &v1.KEDASpec{} },
		"disruption budget": func(d *v1.SeldonDeployment) {
			first(d).ComponentSpecs[0].PDBSpec.MinAvailable = new(intstr.FromInt32(2))
		},
		"replicas":           func(d *v1.SeldonDeployment) { first(d).Replicas = new(int32(7)) },
		"component replicas": func(d *v1.SeldonDeployment) { first(d).ComponentSpecs[0].Replicas = new(int32(7)) },
		"all replicas":       func(d *v1.SeldonDeployment) { d.Spec.Replicas = new(int32(7)) },
		"traffic":            func(d *v1.SeldonDeployment) { first(d).Traffic, d.Spec.Predictors[1].Traffic = 10, 90 },
		"progress deadline":  func(d *v1.SeldonDeployment) { first(d).ProgressDeadlineSeconds = new(int32(90)) },
		"explainer":          func(d *v1.SeldonDeployment) { first(d).Explainer.Replicas = new(int32(3)) },
		"own annotations":    func(d *v1.SeldonDeployment) { d.Annotations = map[string]string{"a": "b"} },
		"own labels":         func(d *v1.SeldonDeployment) { d.Labels = map[string]string{"a": "b"} },
		"routes": func(d *v1.SeldonDeployment) {
			for _, key := range []string{
				"istio-retries", "ambassador-retries", "gateway", "gateway-host", "ingress-host", "headless-svc",
			} {
				d.Spec.Annotations["seldon.io/"+key] = "1"
			}
			first(d).Annotations = map[string]string{"seldon.io/headless-svc": "true"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, changedDeployment)
			change(d)
			if diff := cmp.Diff(before, templates(t, d)); diff != "" {
				t.Errorf("pods restart, -before +after:\n%s", diff)
			}
		})
	}
}

// TestRestart: what pods read changes their template.
func TestRestart(t *testing.T) {
	before := templates(t, parse(t, changedDeployment))
	for name, change := range map[string]func(*v1.SeldonDeployment){
		"image":      func(d *v1.SeldonDeployment) { d.Spec.Predictors[0].ComponentSpecs[0].Spec.Containers[0].Image = "x" },
		"time limit": func(d *v1.SeldonDeployment) { d.Spec.Annotations["seldon.io/rest-timeout"] = "1" },
		"annotation": func(d *v1.SeldonDeployment) { d.Spec.Annotations["sidecar.istio.io/inject"] = "false" },
		"graph": func(d *v1.SeldonDeployment) {
			d.Spec.Predictors[0].Graph.Methods = append(d.Spec.Predictors[0].Graph.Methods, "ROUTE")
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, changedDeployment)
			change(d)
			if cmp.Equal(before, templates(t, d)) {
				t.Error("no pod changes")
			}
		})
	}
}

func templates(t *testing.T, d *v1.SeldonDeployment) map[string]corev1.PodTemplateSpec {
	t.Helper()
	in := input(t, d, nil)
	objects, err := expand.Expand(in)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]corev1.PodTemplateSpec{}
	for _, o := range objects {
		if d, ok := o.(*appsv1.Deployment); ok {
			found[d.Name] = d.Spec.Template
		}
	}
	return found
}

// TestEnginePredictorHoldsNoMore: the executor reads these fields and no
// others.
func TestEnginePredictorHoldsNoMore(t *testing.T) {
	objects, err := expand.Expand(input(t, parse(t, changedDeployment), nil))
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(enginePredictor(firstDeployment(t, objects)))
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "a",
		"graph": map[string]any{
			"name": "m", "type": "MODEL", "implementation": "UNKNOWN_IMPLEMENTATION",
			"endpoint": map[string]any{"service_host": "localhost", "service_port": 9000.0, "httpPort": 9000.0, "grpcPort": 9500.0},
		},
		"componentSpecs": []any{map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": "m", "image": "example/m:1"}},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
