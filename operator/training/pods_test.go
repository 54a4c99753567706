package training

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// A pod whose containers have all ended does not run, whatever its phase still says.
func TestRuns(t *testing.T) {
	ended := corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}
	working := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	for name, c := range map[string]struct {
		phase    corev1.PodPhase
		statuses []corev1.ContainerStatus
		want     bool
	}{
		"nothing is known":  {corev1.PodPending, nil, true},
		"one works":         {corev1.PodRunning, []corev1.ContainerStatus{ended, working}, true},
		"all have ended":    {corev1.PodRunning, []corev1.ContainerStatus{ended, ended}, false},
		"the phase says so": {corev1.PodFailed, nil, false},
	} {
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: make([]corev1.Container, 2)}, Status: corev1.PodStatus{Phase: c.phase, ContainerStatuses: c.statuses}}
		if got := runs(pod); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
