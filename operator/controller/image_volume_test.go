package controller_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
)

// TestModelsAreMountedAsImages: the API server, which is new enough by its own word, keeps
// the volume of the kind image, and takes the pod in a namespace of the restricted pod
// security standard.
func TestModelsAreMountedAsImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	namespace := &corev1.Namespace{}
	if err := w.Get(t.Context(), types.NamespacedName{Name: w.namespace}, namespace); err != nil {
		t.Fatal(err)
	}
	namespace.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	if err := w.Update(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	w.start(func(o *controller.Options) {
		c, err := config.Default().For(o.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		o.Environment = c
	})
	w.apply(`
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: digits}
spec:
  annotations: {seldon.io/image-volumes: auto}
  predictors:
  - name: main
    graph: {name: clf, implementation: TENSORFLOW_SERVER, modelUri: "oci://registry.example/team/digits:v1"}
`)
	d := &appsv1.Deployment{}
	w.eventually(func() string {
		if err := w.Get(t.Context(), types.NamespacedName{Name: "digits-main-0-clf"}, d); err != nil {
			return err.Error()
		}
		return ""
	})
	pod := &corev1.Pod{}
	pod.Name, pod.Labels, pod.Annotations, pod.Spec = "one", d.Spec.Template.Labels, d.Spec.Template.Annotations, d.Spec.Template.Spec
	if err := w.Create(t.Context(), pod, client.DryRunAll); err != nil {
		t.Fatalf("the API server refuses the pod: %v", err)
	}
	said := ""
	for _, v := range pod.Spec.Volumes {
		if v.Image != nil {
			said += fmt.Sprintf("%s is %s %s", v.Name, v.Image.Reference, v.Image.PullPolicy)
		}
	}
	if said != "clf-provision-location is registry.example/team/digits:v1 IfNotPresent" || len(pod.Spec.InitContainers) > 0 {
		t.Errorf("of images it has %q, and %d init containers", said, len(pod.Spec.InitContainers))
	}
}
