package install

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// jobs are one that goes through all of its life by the clock, and one that needs
// all that pods may.
const jobs = `
apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: digits, namespace: default}
spec:
  runPolicy: {activeDeadlineSeconds: 2, ttlSecondsAfterFinished: 1, cleanPodPolicy: All}
  tfReplicaSpecs: {Worker: {replicas: 2, template: {spec: {containers: [{name: tensorflow, image: trainer}]}}}}
---
apiVersion: kubeflow.org/v2beta1
kind: MPIJob
metadata: {name: ranks, namespace: default}
spec:
  mpiReplicaSpecs:
    Launcher: {template: {spec: {containers: [{name: mpi, image: trainer, command: [mpirun, train]}]}}}
    Worker: {replicas: 2, template: {spec: {containers: [{name: mpi, image: trainer}]}}}
`

// TestRightsOfTraining runs jobs under the roles of the manifests: the definitions
// come, pods and what they need, a status, and an end.
func TestRightsOfTraining(t *testing.T) {
	program := radiant(t)
	c := ownCluster(t)
	c.apply(t, objects(t, kustomize(t, base+"/with-training")))
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: "default"}}
	if err := c.Create(t.Context(), account); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
	c.startOperator(t, program, "--training")
	all := objects(t, []byte(jobs))
	for _, job := range all {
		until(t, job.GetKind(), func() error { return c.Create(t.Context(), job.DeepCopy()) })
	}
	for _, name := range []string{"ranks-launcher", "ranks-worker-0", "ranks-worker-1"} {
		until(t, name, func() error {
			return c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: name}, &corev1.Pod{})
		})
	}
	until(t, "the status", func() error {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(all[1].GroupVersionKind())
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(all[1]), u); err != nil {
			return err
		}
		if _, ok := u.Object["status"]; !ok {
			return fmt.Errorf("there is no status")
		}
		return nil
	})
	until(t, "the end of the TFJob", func() error {
		u := &unstructured.Unstructured{}
		u.SetGroupVersionKind(all[0].GroupVersionKind())
		err := c.Get(t.Context(), client.ObjectKeyFromObject(all[0]), u)
		if apierrors.IsNotFound(err) {
			return nil
		}
		text, _ := yaml.Marshal(u.Object["status"])
		return fmt.Errorf("it is still there, %w: %s", err, text)
	})
}
