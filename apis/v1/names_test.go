package v1

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func deploymentNamed(name, predictor string, containers ...string) (*SeldonDeployment, *PredictorSpec) {
	p := PredictorSpec{Name: predictor, ComponentSpecs: []SeldonPodSpec{{}}}
	for _, c := range containers {
		spec := &p.ComponentSpecs[0].Spec
		spec.Containers = append(spec.Containers, corev1.Container{Name: c})
	}
	d := &SeldonDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       SeldonDeploymentSpec{Predictors: []PredictorSpec{p}},
	}
	return d, &d.Spec.Predictors[0]
}

func TestNames(t *testing.T) {
	const long = "a-very-long-seldon-deployment-name-that-goes-over"
	d, p := deploymentNamed(long, "predictor-with-long-name", "c", "sidecar")
	tiny, tinyP := deploymentNamed("mnist", "default", "mnist-model", "sidecar")
	mid, midP := deploymentNamed("a-deployment-of-thirty-letters", "predictor-with-long-name", "container-with-long-name")
	named, namedP := deploymentNamed("mnist", "default", "a")
	namedP.ComponentSpecs[0].Metadata.Name = "pods"
	namedP.Annotations = map[string]string{AnnotationServiceName: "my-service"}

	for _, c := range []struct{ what, got, want string }{
		{"long id", d.ID(), long},
		{"long component", d.ComponentName(p, 0, false), "seldon-56965016f0279b422aa77b62e014bc07"},
		{"long predictor", d.PredictorName(p), "seldon-8a05a2ebe412c591a9aeefe14d17b0fa"},
		{"long container service", d.ContainerServiceName(p, "c"), "seldon-02b604563cb8cf821930b2aa19f3dc01"},
		// No prefix: name and digest together would be too long.
		{"long component with prefix", d.ComponentName(p, 0, true), "seldon-56965016f0279b422aa77b62e014bc07"},
		{"id", tiny.ID(), "mnist"},
		{"component", tiny.ComponentName(tinyP, 0, true), "mnist-default-0-mnist-model-sidecar"},
		{"predictor", tiny.PredictorName(tinyP), "mnist-default"},
		{"container service", tiny.ContainerServiceName(tinyP, "mnist-model"), "mnist-default-mnist-model"},
		{"executor", tiny.ExecutorName(tinyP), "mnist-default-svc-orch"},
		{"explainer", tiny.ExplainerName(tinyP), "mnist-default-explainer"},
		{"host", tiny.ServiceHost("x"), "x.default.svc.cluster.local"},
		{"component of a named spec", named.ComponentName(namedP, 0, false), "mnist-default-0-pods"},
		{"service of the user's name", named.PredictorName(namedP), "my-service"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, c.got, c.want)
		}
	}
	full := "a-deployment-of-thirty-letters-predictor-with-long-name-0-container-with-long-name"
	if got, want := mid.ComponentName(midP, 0, true), "a-deployment-of-thirty-letters-"+digest(full); got != want || len(got) != maxName {
		t.Errorf("component with prefix: got %q of %d letters, want %q", got, len(got), want)
	}
	if got, want := mid.ComponentName(midP, 0, false), "seldon-"+digest(full); got != want {
		t.Errorf("component: got %q, want %q", got, want)
	}
}
