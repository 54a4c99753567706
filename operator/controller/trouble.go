package controller

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// trouble says in a word and a sentence why a Deployment is not complete.
func (p *pass) trouble(d *appsv1.Deployment) (reason, message string) {
	reason = reasonProgressing
	message = fmt.Sprintf("%d of %d pods are available", d.Status.AvailableReplicas, wanted(d))
	if d.Status.ObservedGeneration < d.Generation {
		return reason, "its newest specification has not been looked at yet"
	}
	if old := d.Status.Replicas - d.Status.UpdatedReplicas; old > 0 {
		message += fmt.Sprintf(", %d are old", old)
	}
	if c := condition(d, appsv1.DeploymentReplicaFailure); c.Status == corev1.ConditionTrue {
		return word(c.Reason, reasonPodsMissing), c.Message
	}
	if isStuck(d) {
		reason = reasonStuck
	}
	pods := slices.DeleteFunc(slices.Clone(p.pods), func(pod corev1.Pod) bool { return workloadOf(&pod) != d.Name })
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for i := range pods {
		if why, said := podTrouble(&pods[i]); why != "" {
			return why, message + "; pod " + pods[i].Name + ": " + said
		}
	}
	return reason, message
}

// word returns what an API server accepts as a reason.
func word(s, otherwise string) string {
	if s == "" || strings.ContainsAny(s, " :.\n") {
		return otherwise
	}
	return s
}

// podTrouble says what keeps a pod from being ready, or returns "".
func podTrouble(pod *corev1.Pod) (reason, message string) {
	if pod.DeletionTimestamp != nil {
		return "", ""
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return word(c.Reason, "Unschedulable"), c.Message
		}
	}
	for _, all := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range all {
			if reason, message = containerTrouble(pod, &all[i]); reason != "" {
				return reason, message
			}
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return word(pod.Status.Reason, "PodFailed"), cmp.Or(pod.Status.Message, "it failed")
	}
	return "", ""
}

// ordinary are reasons for waiting that pass by themselves.
func ordinary(reason string) bool {
	return slices.Contains([]string{"", "ContainerCreating", "PodInitializing"}, reason)
}

func containerTrouble(pod *corev1.Pod, c *corev1.ContainerStatus) (reason, message string) {
	if w := c.State.Waiting; w != nil && !ordinary(w.Reason) {
		message = fmt.Sprintf("container %s is waiting (%s)", c.Name, w.Reason)
		if w.Message != "" && c.LastTerminationState.Terminated == nil {
			message += ": " + w.Message
		}
		return word(w.Reason, reasonPodsMissing), message + lastEnd(pod, c, c.LastTerminationState.Terminated)
	}
	if t := c.State.Terminated; t != nil && t.ExitCode != 0 {
		return word(t.Reason, "Error"), fmt.Sprintf("container %s ended", c.Name) + lastEnd(pod, c, t)
	}
	if t := c.LastTerminationState.Terminated; t != nil && !c.Ready && c.RestartCount > 0 {
		return word(t.Reason, "Error"), fmt.Sprintf("container %s is not ready and was started %d times", c.Name, c.RestartCount+1) +
			lastEnd(pod, c, t)
	}
	return "", ""
}

// lastEnd says how a container ended last, with its last words if it left any,
// and else where they are.
func lastEnd(pod *corev1.Pod, c *corev1.ContainerStatus, t *corev1.ContainerStateTerminated) string {
	if t == nil {
		return ""
	}
	const most = 500
	said := strings.TrimSpace(t.Message)
	if said == "" {
		said = fmt.Sprintf("see kubectl logs -n %s %s -c %s", pod.Namespace, pod.Name, c.Name)
		if t == c.LastTerminationState.Terminated {
			said += " --previous"
		}
	} else if len(said) > most {
		said = "..." + strings.ToValidUTF8(said[len(said)-most:], "")
	}
	return fmt.Sprintf("; it last ended with exit code %d (%s): %s", t.ExitCode, cmp.Or(t.Reason, "no reason"), said)
}

// workloadOf names the Deployment of a pod, or returns "": its ReplicaSet is
// called like the Deployment and the hash of the template.
func workloadOf(pod *corev1.Pod) string {
	hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	for _, o := range pod.OwnerReferences {
		if name, ok := strings.CutSuffix(o.Name, "-"+hash); ok && hash != "" && o.Kind == "ReplicaSet" {
			return name
		}
	}
	return ""
}
