//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// Each sample answers in pods as it does on a laptop, again after a change
// that rolls its pods, and leaves nothing when it is deleted. Its models are in
// a bucket instead of a folder beside it. Of each the first case counts; all of
// them run on a laptop.
func TestSamples(t *testing.T) {
	t.Parallel()
	newWorld(t, "default").models(map[string]stores.Files{"samples": stores.Folder(t, "../../samples", "")})
	suites, err := filepath.Glob("../../samples/*/case.yaml")
	if err != nil || len(suites) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range suites {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			suite, err := cases.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, "default")
			began := time.Now()
			w.sample(filepath.Dir(file), suite.Cases[0])
			t.Logf("applied, asked, rolled, asked again, deleted in %.0f s", time.Since(began).Seconds())
		})
	}
}

func (w *world) sample(folder string, c cases.Case) {
	w.t.Helper()
	var names []string
	for _, file := range c.Files {
		text := inBucket(read(w.t, filepath.Join(folder, file)), filepath.Base(folder))
		names = append(names, nameOf(w.t, text))
		w.applyText(text)
	}
	w.answers(folder, c, names)
	for _, name := range names {
		w.roll(name)
	}
	w.answers(folder, c, names)
	for _, name := range names {
		w.delete(name)
	}
}

func (w *world) answers(folder string, c cases.Case, names []string) {
	w.t.Helper()
	for _, name := range names {
		w.available(name)
	}
	for _, r := range c.Requests {
		w.eventually(c.Name+": "+r.Name, func() error { return cases.Run(gatewayOf(r), folder, r) })
	}
}

// roll gives the pods of the first predictor another label, and waits until
// all old ones are gone.
func (w *world) roll(name string) {
	w.t.Helper()
	old := w.podLabels(name)
	w.kubectl("patch", "sdep", name, "--type=json", `--patch=[{"op": "add", "path": "/spec/predictors/0/labels", "value": {"revision": "2"}}]`)
	predictor := w.deployment(name).Spec.Predictors[0].Name
	w.eventually(name+" is rolled", func() error {
		now := w.podLabels(name)
		for pod, labels := range now {
			if _, here := old[pod]; here && labels["version"] == predictor {
				return fmt.Errorf("there is still %s of %v", pod, now)
			}
		}
		return nil
	})
	for pod, labels := range w.podLabels(name) {
		if labels["version"] == predictor && labels["revision"] != "2" {
			w.t.Errorf("pod %s has the labels %v", pod, labels)
		}
	}
}

// podLabels returns the labels of a deployment's pods.
func (w *world) podLabels(name string) map[string]map[string]string {
	w.t.Helper()
	list := &corev1.PodList{}
	if err := w.client.List(context.Background(), list, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": name}); err != nil {
		w.t.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, pod := range list.Items {
		all[pod.Name] = pod.Labels
	}
	return all
}

// inBucket lets a manifest find its models in the bucket of samples.
func inBucket(manifest, folder string) string {
	return regexp.MustCompile(`modelUri: \.\S+`).ReplaceAllStringFunc(manifest, func(field string) string {
		return "modelUri: gs://samples/" + path.Join(folder, field[len("modelUri: "):])
	})
}

func nameOf(t *testing.T, manifest string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^  name: (\S+)$`).FindStringSubmatch(manifest)
	if found == nil {
		t.Fatalf("no name: %s", manifest)
	}
	return found[1]
}

func gatewayOf(r cases.Request) string {
	if r.Transport == "grpc" {
		return gatewayGRPC()
	}
	return gatewayREST()
}
