package training_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/operator/training"
)

const mpiJobs = "mpijobs.kubeflow.org"

// Jobs of others that cannot be read, here since the webhook that converts them is gone,
// keep no job of Radiant's waiting, and do not end the operator. When they can be
// read again, their events come.
func TestJobsOfOthersThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	if _, _, err := training.Install(t.Context(), server.Config(), logr.Discard()); err != nil {
		t.Fatal(err)
	}
	w.apply(`{apiVersion: kubeflow.org/v1, kind: MPIJob, metadata: {name: pi}, spec: {mpiReplicaSpecs: {}}}`)
	store := func(d *apiextensionsv1.CustomResourceDefinition, version string) {
		for i := range d.Spec.Versions {
			d.Spec.Versions[i].Storage = d.Spec.Versions[i].Name == version
		}
	}
	convertAgain := func(d *apiextensionsv1.CustomResourceDefinition) {
		d.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
	}
	t.Cleanup(func() {
		w.definitionOf(mpiJobs, func(d *apiextensionsv1.CustomResourceDefinition) {
			convertAgain(d)
			store(d, "v1")
			d.Labels["app.kubernetes.io/managed-by"] = "radiant"
		})
	})
	nobody := "https://127.0.0.1:1/convert"
	w.definitionOf(mpiJobs, func(d *apiextensionsv1.CustomResourceDefinition) {
		delete(d.Labels, "app.kubernetes.io/managed-by")
		store(d, "v2beta1")
		d.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{
			Strategy: apiextensionsv1.WebhookConverter,
			Webhook: &apiextensionsv1.WebhookConversion{
				ClientConfig: &apiextensionsv1.WebhookClientConfig{URL: &nobody}, ConversionReviewVersions: []string{"v1"},
			},
		}
	})
	w.eventually(func() string {
		list := &unstructured.UnstructuredList{}
		list.SetAPIVersion("kubeflow.org/v2beta1")
		list.SetKind("MPIJobList")
		if err := w.List(t.Context(), list); err == nil {
			return "the jobs are still converted"
		}
		return ""
	})

	w.sync = 2 * time.Second
	w.othersPatience = time.Hour
	w.start()
	w.apply(tfJob("", ""))
	w.awaitPods(allPods)
	time.Sleep(2 * w.sync) // No controller gives up.
	w.apply(strings.ReplaceAll(tfJob("", ""), "dist", "more"))
	w.awaitPods(allPods + " " + strings.ReplaceAll(allPods, "dist", "more"))

	w.definitionOf(mpiJobs, convertAgain)
	w.awaitEvents("pi", "Normal LeftToOthers: the definition mpijobs.kubeflow.org is not Radiant's, so Radiant leaves this job to whoever brought it")
}

// A definition of others that the API server does not serve is passed over.
func TestDefinitionsOfOthersThatAreNotServed(t *testing.T) {
	for _, c := range []struct {
		name string
		// unserve makes it so, and returns what undoes it.
		unserve func(*world) func()
	}{
		{"no version is served", (*world).noVersionServed},
		{"another definition has the names", (*world).namesTaken},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if _, _, err := training.Install(t.Context(), server.Config(), logr.Discard()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.unserve(w))
			said := w.logs()
			w.start()
			w.apply(tfJob("", ""))
			w.awaitPods(allPods)
			if got := said("does not serve them"); len(got) != 1 || !strings.Contains(got[0], mpiJobs) {
				t.Errorf("the log has %q", got)
			}
		})
	}
}

func (w *world) noVersionServed() (undo func()) {
	w.Helper()
	serve := func(yes bool, manager string) {
		w.definitionOf(mpiJobs, func(d *apiextensionsv1.CustomResourceDefinition) {
			d.Labels["app.kubernetes.io/managed-by"] = manager
			for i := range d.Spec.Versions {
				d.Spec.Versions[i].Served = yes
			}
		})
	}
	serve(false, "somebody")
	return func() { serve(true, "radiant") }
}

func (w *world) namesTaken() (undo func()) {
	w.Helper()
	c := w.definitions()
	first := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(w.Context(), client.ObjectKey{Name: mpiJobs}, first); err != nil {
		w.Fatal(err)
	}
	second := first.DeepCopy()
	first.ObjectMeta = metav1.ObjectMeta{Name: "mpitasks.kubeflow.org"}
	first.Spec.Names = apiextensionsv1.CustomResourceDefinitionNames{Kind: "MPIJob", ListKind: "MPIJobList", Plural: "mpitasks", Singular: "mpitask"}
	second.ObjectMeta = metav1.ObjectMeta{Name: mpiJobs}
	w.removeDefinition(mpiJobs)
	for _, d := range []*apiextensionsv1.CustomResourceDefinition{first, second} {
		d.Status = apiextensionsv1.CustomResourceDefinitionStatus{}
		if err := c.Create(w.Context(), d); err != nil {
			w.Fatal(err)
		}
		want := apiextensionsv1.ConditionTrue
		if d == second {
			want = apiextensionsv1.ConditionFalse
		}
		w.eventually(func() string {
			if err := c.Get(w.Context(), client.ObjectKeyFromObject(d), d); err != nil {
				return err.Error()
			}
			for _, is := range d.Status.Conditions {
				if is.Type == apiextensionsv1.NamesAccepted && is.Status == want {
					return ""
				}
			}
			return "its names are not judged yet: " + d.Name
		})
	}
	return func() {
		w.removeDefinition(mpiJobs)
		w.removeDefinition(first.Name)
	}
}

// removeDefinition returns when it is gone, in a test or when it has ended.
func (w *world) removeDefinition(name string) {
	w.Helper()
	ctx, c := context.Background(), w.definitions()
	if err := c.Delete(ctx, &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		w.Fatal(err)
	}
	w.eventually(func() string {
		if err := c.Get(ctx, client.ObjectKey{Name: name}, &apiextensionsv1.CustomResourceDefinition{}); !apierrors.IsNotFound(err) {
			return "it is still there: " + name
		}
		return ""
	})
}

// logs has the operator log, and returns what finds lines in it.
func (w *world) logs() func(part string) []string {
	var mu sync.Mutex
	var lines []string
	w.log = funcr.New(func(_, line string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, line)
	}, funcr.Options{})
	return func(part string) (found []string) {
		mu.Lock()
		defer mu.Unlock()
		for _, line := range lines {
			if strings.Contains(line, part) {
				found = append(found, line)
			}
		}
		return found
	}
}
