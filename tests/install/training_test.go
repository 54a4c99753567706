package install

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
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
metadata: {name: ranks, namespace: default, annotations: {radiant.io/start: all}}
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
	// They wait for a node with room.
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node"}}
	if err := c.Create(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	node.Status.Allocatable = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("9")}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if err := c.Status().Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	node.Spec.Taints = nil
	if err := c.Update(t.Context(), node); err != nil {
		t.Fatal(err)
	}
	until(t, "the launcher's start", func() error {
		pod := &corev1.Pod{}
		err := c.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "ranks-launcher"}, pod)
		if err == nil && len(pod.Spec.SchedulingGates) > 0 {
			err = fmt.Errorf("it is held back by %v", pod.Spec.SchedulingGates)
		}
		return err
	})
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

// TestDiffOfJobs asks before each step in the life of a job what would become of it.
func TestDiffOfJobs(t *testing.T) {
	program := radiant(t)
	c := ownCluster(t)
	c.apply(t, objects(t, kustomize(t, base+"/with-training")))
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}},
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: home}},
	} {
		if err := c.Create(t.Context(), o); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	job := func(spec string, workers int) string {
		return fmt.Sprintf(`
apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: digits}
spec:
  runPolicy: {%s}
  tfReplicaSpecs: {Worker: {replicas: %d, template: {spec: {containers: [{name: tensorflow, image: trainer}]}}}}
`, spec, workers)
	}
	unknown := c.diff(t, program, job("", 2))
	unknown.check(t, 2, "tfjob/digits: the cluster knows no TFJob: an operator with --training brings the definition")

	o := c.startOperator(t, program, "--training")
	defer o.stop(t)
	until(t, "the definition", func() error {
		return client.IgnoreNotFound(c.Get(t.Context(), client.ObjectKey{Namespace: home, Name: "digits"}, asJob("digits")))
	})
	c.diff(t, program, job("", 2)).check(t, 1, "5 created, 0 configured, 0 deleted, 0 unchanged",
		"--- cluster/models/TFJob/digits\n+++ rendered/models/TFJob/digits\n", "+  name: digits-worker-1\n", "rendered/models/Service/digits-worker-0\n")
	until(t, "the job", func() error { return c.Create(t.Context(), parse(t, home, job("", 2))) })
	until(t, "its pods", func() error {
		return c.Get(t.Context(), client.ObjectKey{Namespace: home, Name: "digits-worker-1"}, &corev1.Pod{})
	})
	until(t, "its start", func() error {
		u := asJob("digits")
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: home, Name: "digits"}, u); err != nil {
			return err
		}
		if _, began, _ := unstructured.NestedString(u.Object, "status", "startTime"); !began {
			return fmt.Errorf("it has not begun")
		}
		return nil
	})
	c.diff(t, program, job("", 2)).check(t, 0, "0 created, 0 configured, 0 deleted, 5 unchanged")
	c.diff(t, program, job("backoffLimit: 3", 2)).check(t, 1, "0 created, 1 configured, 0 deleted, 4 unchanged", "+    backoffLimit: 3\n")
	c.diff(t, program, job("suspend: true", 2)).check(t, 1, "0 created, 1 configured, 2 deleted, 2 unchanged", "+    suspend: true\n", "-  name: digits-worker-0\n")
	c.diff(t, program, job("", 3)).check(t, 2, "a job that runs keeps its replicas")

	definition := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "tfjobs.kubeflow.org"}}
	definition.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	others := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}}`))
	if err := c.Patch(t.Context(), definition, others); err != nil {
		t.Fatal(err)
	}
	left := c.diff(t, program, strings.Replace(job("", 2), "digits", "letters", 1))
	left.check(t, 1, "1 created, 0 configured, 0 deleted, 0 unchanged")
	left.check(t, 1, "note: the definition tfjobs.kubeflow.org is not Radiant's, so Radiant leaves jobs of the kind TFJob to whoever brought it\n")
}

func asJob(name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion("kubeflow.org/v1")
	u.SetKind("TFJob")
	u.SetName(name)
	return u
}
