package controller_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// pod makes a pod of a Deployment, as a cluster would.
func (w *world) pod(workload, name string) *corev1.Pod {
	w.Helper()
	set := w.replicaSet(workload)
	pod := &corev1.Pod{}
	pod.Name, pod.Namespace, pod.Labels = name, w.namespace, set.Labels
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
	pod.Spec.Containers = []corev1.Container{{Name: "classifier", Image: "mock:1"}}
	if err := w.Create(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
	return pod
}

// TestTroubleOfPodsIsInTheStatus: which pod, which container, and what it said.
func TestTroubleOfPodsIsInTheStatus(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	pod := w.pod("model-main-0-classifier", "model-pod")
	d := &appsv1.Deployment{}
	if err := w.Get(t.Context(), types.NamespacedName{Name: "model-main-0-classifier"}, d); err != nil {
		t.Fatal(err)
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, UnavailableReplicas: 1}
	if err := w.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 3, Reason: "Error", Message: "cannot load /mnt/models\n",
	}}
	silent := ended.DeepCopy()
	silent.Terminated.Message = ""
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	for _, test := range []struct {
		name         string
		status       corev1.PodStatus
		reason, want string
	}{
		{"image", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "classifier", State: waiting("ImagePullBackOff", `Back-off pulling image "mock:1"`)}}},
			"ImagePullBackOff", `pod model-pod: container classifier is waiting (ImagePullBackOff): Back-off pulling image "mock:1"`},
		{"crash", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "classifier", RestartCount: 4, State: waiting("CrashLoopBackOff", "back-off 40s"), LastTerminationState: ended}}},
			"CrashLoopBackOff", "container classifier is waiting (CrashLoopBackOff); it last ended with exit code 3 (Error): cannot load /mnt/models"},
		{"silent crash", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "classifier", RestartCount: 5, State: waiting("CrashLoopBackOff", "back-off 40s"), LastTerminationState: *silent}}},
			"CrashLoopBackOff", "see kubectl logs -n " + w.namespace + " model-pod -c classifier --previous"},
		{"init", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{{Name: "fetch", State: ended}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "classifier", State: waiting("PodInitializing", "")}}},
			"Error", "container fetch ended; it last ended with exit code 3 (Error): cannot load"},
		{"unschedulable", corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}}},
			"Unschedulable", "3 Insufficient nvidia.com/gpu"},
	} {
		pod.Status = test.status
		if err := w.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		w.eventually(func() string {
			d := w.deployment("model")
			if containsLine(d, v1.ConditionReady, test.reason, test.want) && strings.Contains(d.Status.Description, test.want) {
				return ""
			}
			return test.name + ": no condition with reason " + test.reason + " says " + test.want + ": " + d.Status.Description
		})
	}
	if d := w.deployment("model"); d.Status.State != v1.StatusCreating {
		t.Errorf("the state is %s", d.Status.State)
	}

	d.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"},
		{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: "MinimumReplicasUnavailable"},
	}
	if err := w.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	w.awaitState("model", v1.StatusFailed)
	w.serve("model-main-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
}
