package controller_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
)

const custom = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: custom}
spec:
  protocol: v2
  predictors: [{name: p, graph: {name: m, implementation: MY_SERVER, modelUri: "gs://bucket/m"}}]
`

func servers(image string) map[string]string {
	return map[string]string{"predictor_servers": `{"MY_SERVER": {"protocols": {"v2": {"image": "` + image + `", "defaultImageVersion": "1"}}}}`}
}

// configMap creates or changes the settings of the installation.
func (w *world) configMap(data map[string]string) {
	w.Helper()
	m := &corev1.ConfigMap{}
	m.Name, m.Namespace = config.ConfigMapName, w.namespace
	m.Data = data
	if err := w.Update(w.Context(), m); err == nil {
		return
	}
	if err := w.Create(w.Context(), m); err != nil {
		w.Fatal(err)
	}
}

func (w *world) awaitImage(workload, container, image string) {
	w.Helper()
	w.eventually(func() string {
		d := &appsv1.Deployment{}
		if err := w.Get(w.Context(), types.NamespacedName{Name: workload}, d); err != nil {
			return err.Error()
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			if c.Name == container && c.Image == image {
				return ""
			}
		}
		return "no container " + container + " has the image " + image
	})
}

// TestConfigMap: a change counts at once, a broken one not at all, and an
// operator that starts with a broken one touches nothing.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	op := w.start()
	w.serveAll()
	w.apply(custom)
	d := w.awaitState("custom", v1.StatusFailed)
	if !containsLine(d, v1.ConditionValid, "Invalid", "MY_SERVER") {
		t.Errorf("no condition names the unknown server: %+v", d.Status.Conditions)
	}
	w.configMap(servers("example/one"))
	w.awaitState("custom", v1.StatusAvailable)
	w.awaitImage("custom-p-0-m", "m", "example/one:1")
	w.configMap(servers("example/two"))
	w.awaitImage("custom-p-0-m", "m", "example/two:1")

	broken := servers("example/three")
	broken["predictor_servers"] = strings.TrimSuffix(broken["predictor_servers"], "}")
	broken["storageInitializer"] = `{"image": "example/init:1"}`
	w.configMap(broken)
	w.awaitEvent(config.ConfigMapName, "InvalidConfig", "")
	w.apply(strings.ReplaceAll(custom, "name: custom", "name: later"))
	w.awaitState("later", v1.StatusAvailable)
	w.awaitImage("later-p-0-m", "m", "example/two:1")
	op.stop()

	before := w.versions()
	again := w.start()
	w.apply(strings.ReplaceAll(custom, "name: custom", "name: last"))
	d = w.awaitState("last", v1.StatusFailed)
	if !containsLine(d, v1.ConditionReady, "BrokenConfig", "predictor_servers") {
		t.Errorf("no condition names the broken key: %+v", d.Status.Conditions)
	}
	w.awaitState("later", v1.StatusFailed)
	for name, version := range w.versions() {
		if before[name] != version {
			t.Errorf("%s was changed by an operator without settings", name)
		}
	}
	w.configMap(servers("example/four"))
	w.awaitImage("last-p-0-m", "m", "example/four:1")
	w.awaitImage("later-p-0-m", "m", "example/four:1")
	again.stop()
}

// TestCredentials: the Secrets that a service account lists open the stores,
// from the moment that it lists them.
func TestCredentials(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.configMap(servers("example/one"))
	account := &corev1.ServiceAccount{}
	account.Name, account.Namespace = "models", w.namespace
	if err := w.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.apply(strings.Replace(custom, "graph: {", "graph: {serviceAccountName: models, ", 1))
	w.awaitState("custom", v1.StatusAvailable)
	secret := &corev1.Secret{}
	secret.Name, secret.Namespace = "keys", w.namespace
	secret.Data = map[string][]byte{"awsAccessKeyID": []byte("id"), "awsSecretAccessKey": []byte("key")}
	if err := w.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	account.Secrets = []corev1.ObjectReference{{Name: "keys"}}
	if err := w.Update(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	w.awaitCredentials("custom-p-0-m", "keys")
}

// awaitCredentials waits for the init container of a workload to have an access
// key of a Secret; "" is that of none.
func (w *world) awaitCredentials(workload, secret string) {
	w.Helper()
	w.eventually(func() string {
		d := &appsv1.Deployment{}
		if err := w.Get(w.Context(), types.NamespacedName{Name: workload}, d); err != nil {
			return err.Error()
		}
		of := ""
		for _, e := range d.Spec.Template.Spec.InitContainers[0].Env {
			if e.Name == "AWS_SECRET_ACCESS_KEY" {
				of = e.ValueFrom.SecretKeyRef.Name
			}
		}
		if of != secret {
			return "the init container has the credentials of " + of
		}
		return ""
	})
}

// TestSecretsThatAreNotRead: of the Secrets that a service account lists, those
// open stores that the installation lets be read, and the status names the
// others.
func TestSecretsThatAreNotRead(t *testing.T) {
	w := newWorld(t, server)
	w.start(func(o *controller.Options) {
		o.Environment.Expand.Storage.Credentials.Secrets = w.namespace + "/second"
	})
	w.serveAll()
	w.configMap(servers("example/one"))
	account := &corev1.ServiceAccount{Secrets: []corev1.ObjectReference{{Name: "first"}, {Name: "second"}}}
	account.Name, account.Namespace = "models", w.namespace
	if err := w.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		secret := &corev1.Secret{Data: map[string][]byte{"awsAccessKeyID": []byte("id"), "awsSecretAccessKey": []byte("key")}}
		secret.Name, secret.Namespace = name, w.namespace
		if err := w.Create(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	w.apply(strings.Replace(custom, "graph: {", "graph: {serviceAccountName: models, ", 1))
	d := w.awaitState("custom", v1.StatusAvailable)
	w.awaitCredentials("custom-p-0-m", "second")
	if !containsLine(d, v1.ConditionValid, "Valid", "does not read, so that they open no model: first; CREDENTIAL_SECRETS") {
		t.Errorf("no condition names the Secret: %+v", d.Status.Conditions)
	}
}
