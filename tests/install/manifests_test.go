// Package install holds what users install the operator from: the kustomize
// base, the file rendered from it, and the Helm chart.
package install

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
)

// TestRenderedFileIsTheBase holds that `make generate` was run.
func TestRenderedFileIsTheBase(t *testing.T) {
	rendered, err := os.ReadFile(base + "/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rendered, _ = bytes.Cut(rendered, []byte("\n"))
	if !bytes.Equal(rendered, kustomize(t, base)) {
		t.Error("install.yaml is not what the base says: run make generate")
	}
}

func TestChartHoldsCopies(t *testing.T) {
	for copied, original := range map[string]string{
		"role.yaml":         "operator/role.yaml",
		"role_home.yaml":    "operator/role_home.yaml",
		"webhook_role.yaml": "webhook/role.yaml",
		"crd.yaml":          "crd/seldondeployments.yaml",
		"rules.yaml":        "monitoring/rules.yaml",

		"training_role.yaml":  "training/role.yaml",
		"activator_role.yaml": "activator/role.yaml",

		"dashboards/executor.json": "monitoring/dashboards/executor.json",
		"dashboards/operator.json": "monitoring/dashboards/operator.json",
	} {
		want, err := os.ReadFile(base + "/" + original)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(chart + "/files/" + copied)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s of the chart is not %s: run make generate", copied, original)
		}
	}
}

// TestChartIsTheBase compares what both install, without and with the webhook,
// with training, and with what watches it.
func TestChartIsTheBase(t *testing.T) {
	for _, c := range []struct {
		folder string
		args   []string
		beside string
	}{
		{base, nil, ""},
		{base + "/with-webhook", []string{"--set", "webhook.enabled=true"}, ""},
		{base + "/with-training", []string{"--set", "training.enabled=true"}, ""},
		{base, []string{"--set", "monitoring.enabled=true"}, base + "/monitoring"},
	} {
		text, err := template(t, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		all := objects(t, kustomize(t, c.folder))
		if c.beside != "" {
			all = append(all, objects(t, kustomize(t, c.beside))...)
		}
		want, got := plain(byName(all)), plain(byName(objects(t, text)))
		// Helm makes the namespace itself.
		delete(want, "Namespace "+namespace)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-) and the chart with %v (+):\n%s", c.folder, c.args, diff)
		}
	}
}

// plain is the content of objects without the marks of Helm.
func plain(all map[string]*unstructured.Unstructured) map[string]any {
	contents := map[string]any{}
	for name, o := range all {
		labels := o.GetLabels()
		for _, key := range []string{"instance", "version", "managed-by"} {
			delete(labels, "app.kubernetes.io/"+key)
		}
		o.SetLabels(labels)
		annotations := o.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		if len(annotations) == 0 {
			annotations = nil // The field goes too.
		}
		o.SetAnnotations(annotations)
		contents[name] = o.Object
	}
	return contents
}

// TestVersions holds that all speak of one version, and of images that
// `make images` makes.
func TestVersions(t *testing.T) {
	d := deployment(t, objects(t, kustomize(t, base)))
	if got, want := d.Spec.Template.Spec.Containers[0].Image, "radiant/operator:"+expand.Version; got != want {
		t.Errorf("the Deployment's image is %s, want %s", got, want)
	}
	text, err := os.ReadFile(chart + "/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var about struct{ Version, AppVersion string }
	if err := yaml.Unmarshal(text, &about); err != nil {
		t.Fatal(err)
	}
	if about.Version != expand.Version || about.AppVersion != expand.Version {
		t.Errorf("the chart is of version %s and %s, want %s", about.Version, about.AppVersion, expand.Version)
	}
}

// deployment is the operator's.
func deployment(t *testing.T, all []*unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	o := byName(all)["Deployment seldon-controller-manager"]
	if o == nil {
		t.Fatal("there is no Deployment seldon-controller-manager")
	}
	var d appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &d, true); err != nil {
		t.Fatal(err)
	}
	return &d
}

// TestUninstallingByLabelSparesDeployments holds that what has the label can
// go: without the definition all deployments would go, and a namespace may hold
// other things.
func TestUninstallingByLabelSparesDeployments(t *testing.T) {
	for _, o := range objects(t, kustomize(t, base+"/with-webhook")) {
		stays := o.GetKind() == "CustomResourceDefinition" || o.GetKind() == "Namespace"
		name := o.GetLabels()["app.kubernetes.io/name"]
		if labelled := name == "radiant-operator" || name == "radiant-activator"; labelled == stays {
			t.Errorf("%s %s: has the label: %t", o.GetKind(), o.GetName(), labelled)
		}
	}
}
