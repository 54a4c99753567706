package training

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/train"
)

// observed is what the pods of a job are like, in the order of its plan.
type observed struct {
	// pods has nil for a replica without a pod; ending are those that are being
	// deleted.
	pods   []*corev1.Pod
	states []train.State
	ending int
	// restarts is how often the kubelet has restarted containers that train.
	restarts int32
}

// observe looks at the pods of a plan. Pods of other owners do not count.
func observe(plan *train.Plan, pods []corev1.Pod) *observed {
	byName := make(map[string]*corev1.Pod, len(pods))
	for i := range pods {
		byName[pods[i].Name] = &pods[i]
	}
	o := &observed{pods: make([]*corev1.Pod, len(plan.Replicas)), states: make([]train.State, len(plan.Replicas))}
	for i := range plan.Replicas {
		pod := byName[plan.Replicas[i].Name]
		switch {
		case pod == nil:
			continue
		case pod.DeletionTimestamp != nil:
			o.ending++
			continue
		}
		o.pods[i] = pod
		status := statusOf(pod, plan.Replicas[i].Main().Name)
		o.states[i] = stateOf(pod, status)
		if status != nil {
			o.restarts += status.RestartCount
		}
	}
	return o
}

// missing are the numbers of the replicas without a pod.
func (o *observed) missing() []int {
	var list []int
	for i, pod := range o.pods {
		if pod == nil {
			list = append(list, i)
		}
	}
	return list
}

func statusOf(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if s := &pod.Status.ContainerStatuses[i]; s.Name == container {
			return s
		}
	}
	return nil
}

// stateOf is how a replica is doing whose container that trains has this status;
// nil: the kubelet has said nothing of it. The end of that container is the end of
// the replica, whatever runs beside it, but where the kubelet starts it again.
func stateOf(pod *corev1.Pod, status *corev1.ContainerStatus) train.State {
	if reason, ok := disruption(pod); ok && pod.Status.Phase == corev1.PodFailed {
		return train.State{Ended: true, Lost: true, Reason: reason}
	}
	if status == nil || status.State.Terminated == nil {
		if pod.Status.Phase == corev1.PodFailed {
			return train.State{Ended: true, Lost: true, Reason: pod.Status.Reason}
		}
		return train.State{}
	}
	end := status.State.Terminated
	over := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	switch {
	case over:
	case pod.Spec.RestartPolicy == corev1.RestartPolicyAlways,
		pod.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && end.ExitCode != 0:
		return train.State{} // The kubelet starts it again.
	}
	return train.State{Ended: true, Code: end.ExitCode, Reason: reasonOf(end)}
}

// disruption is why the cluster has put a pod away, if it has.
func disruption(pod *corev1.Pod) (string, bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return c.Reason, true
		}
	}
	return "", false
}

// reasonOf says more of an end in a few words; empty: the exit code says all.
func reasonOf(end *corev1.ContainerStateTerminated) string {
	switch {
	case end.Signal != 0:
		return fmt.Sprintf("signal %d", end.Signal)
	case end.Reason == "Error" || end.Reason == "Completed":
		return ""
	}
	return end.Reason
}

// runs reports whether a pod has not ended. The kubelet tells of the end of its
// containers a moment before the phase is another; one that starts again is seen then.
func runs(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	statuses := pod.Status.ContainerStatuses
	return len(statuses) < len(pod.Spec.Containers) ||
		slices.ContainsFunc(statuses, func(s corev1.ContainerStatus) bool { return s.State.Terminated == nil })
}
