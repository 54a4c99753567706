package training_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/operator/training"
)

// Where the definition is somebody else's, a job has one event that says so, and one
// that warns if nobody runs it; one that names another manager, which may take its time,
// has neither. Nothing is made of it, and its status stays as that operator writes it.
// Handed over to Radiant, as the warning says, the jobs run.
func TestJobsOfAnotherDefinition(t *testing.T) {
	w := newWorld(t)
	w.othersPatience = 2 * time.Second
	if _, _, err := training.Install(t.Context(), server.Config(), logr.Discard()); err != nil {
		t.Fatal(err)
	}
	w.definition(func(d *apiextensionsv1.CustomResourceDefinition) { delete(d.Labels, "app.kubernetes.io/managed-by") })
	handOver := func() {
		w.definition(func(d *apiextensionsv1.CustomResourceDefinition) {
			d.Labels["app.kubernetes.io/managed-by"] = "radiant"
		})
	}
	t.Cleanup(handOver)

	named := func(name string) string { return strings.Replace(tfJob("", ""), "name: dist", "name: "+name, 1) }
	w.apply(named("early"))
	w.runByOthers("early")
	time.Sleep(1100 * time.Millisecond) // Times of creation are whole seconds.
	writes, stop := w.start()
	w.apply(named("run"))
	w.runByOthers("run")
	w.apply(strings.Replace(named("elsewhere"), "spec:\n", "spec:\n  runPolicy: {managedBy: kueue.x-k8s.io/multikueue}\n", 1))
	w.apply(strings.Replace(named("dist"), "spec:\n", "spec:\n  runPolicy: {managedBy: kubeflow.org/training-operator}\n", 1))
	left := "Normal LeftToOthers: the definition tfjobs.kubeflow.org is not Radiant's, so Radiant leaves this job to whoever brought it"
	w.awaitEvents("dist", left, "Warning RunByNobody: nobody has written a status of this job for 2s: the operator that brought the definition tfjobs.kubeflow.org does not run. "+
		"Start it; or give the kind to Radiant with `kubectl label --overwrite crd tfjobs.kubeflow.org app.kubernetes.io/managed-by=radiant`, and restart Radiant's operator")
	w.awaitEvents("run", left)
	w.awaitEvents("early")
	w.awaitEvents("elsewhere") // It is older than dist, of which all has been told.
	stop()
	if got := writes(); len(got) != 0 {
		t.Errorf("the operator sent %v", got)
	}
	if got := w.names(&corev1.PodList{}); got != "" {
		t.Errorf("pods are %s", got)
	}
	if s := w.status("dist"); len(s.Conditions) != 0 {
		t.Errorf("conditions are %+v", s.Conditions)
	}

	handOver()
	w.start()
	w.awaitPods(allPods)
	w.await("dist", kubeflow.JobCreated)
}

// A definition that is somebody else's is left as it is, and so are its jobs.
func TestDefinitionsOfOthers(t *testing.T) {
	w := newWorld(t)
	install := func(ours, others int) {
		t.Helper()
		run, left, err := training.Install(t.Context(), server.Config(), logr.Discard())
		if err != nil || len(run) != ours || len(left) != others {
			t.Fatalf("%v are run, %v are left, %v; want %d and %d", run, left, err, ours, others)
		}
	}
	install(2, 0)
	relabel := func(value string) {
		w.definition(func(d *apiextensionsv1.CustomResourceDefinition) {
			d.Labels["app.kubernetes.io/managed-by"] = value
			for i := range d.Spec.Versions {
				d.Spec.Versions[i].AdditionalPrinterColumns = nil
			}
		})
	}
	columns := func() (n int) {
		w.definition(func(d *apiextensionsv1.CustomResourceDefinition) {
			n = len(d.Spec.Versions[0].AdditionalPrinterColumns)
		})
		return n
	}
	relabel("somebody")
	t.Cleanup(func() { relabel("radiant") })
	install(1, 1)
	if columns() != 0 {
		t.Error("somebody else's definition was changed")
	}
	relabel("radiant")
	install(2, 0)
	if columns() == 0 {
		t.Error("an old definition of Radiant's was not brought up to date")
	}
}

// runByOthers writes a status as Kubeflow's operator does.
func (w *world) runByOthers(name string) {
	w.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(kubeflow.Group + "/v1")
	u.SetKind(kubeflow.TFJobKind)
	u.SetName(name)
	status := `{"status": {"conditions": [{"type": "Created", "status": "True", "reason": "TFJobCreated"}]}}`
	if err := w.Status().Patch(w.Context(), u, client.RawPatch(types.MergePatchType, []byte(status)), client.FieldOwner("training-operator")); err != nil {
		w.Fatal(err)
	}
}

// definitions is a client for them.
func (w *world) definitions() client.Client {
	w.Helper()
	s := scheme(w.TB)
	if err := apiextensionsv1.AddToScheme(s); err != nil {
		w.Fatal(err)
	}
	c, err := client.New(server.Config(), client.Options{Scheme: s})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// definition changes that of TFJobs, in a test or when it has ended.
func (w *world) definition(change func(*apiextensionsv1.CustomResourceDefinition)) {
	w.Helper()
	w.definitionOf("tfjobs.kubeflow.org", change)
}

// definitionOf is definition, of the one of this name.
func (w *world) definitionOf(name string, change func(*apiextensionsv1.CustomResourceDefinition)) {
	w.Helper()
	c := w.definitions()
	for {
		d := &apiextensionsv1.CustomResourceDefinition{}
		if err := c.Get(context.Background(), client.ObjectKey{Name: name}, d); err != nil {
			w.Fatal(err)
		}
		if d.Labels == nil {
			d.Labels = map[string]string{}
		}
		change(d)
		err := c.Update(context.Background(), d)
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) {
			w.Fatal(err)
		}
	}
}

// awaitEvents returns when the events of a job are these, each told once.
func (w *world) awaitEvents(job string, want ...string) {
	w.Helper()
	w.eventually(func() string {
		list := &corev1.EventList{}
		if err := w.List(w.Context(), list); err != nil {
			w.Fatal(err)
		}
		var got []string
		for i := range list.Items {
			e := &list.Items[i]
			if e.InvolvedObject.Name != job {
				continue
			}
			got = append(got, fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
			if e.Series != nil {
				w.Errorf("an event of %s was told more than once: %+v", job, e)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Sprintf("events of %s are %q, want %q", job, got, want)
		}
		return ""
	})
}
