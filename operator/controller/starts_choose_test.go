package controller

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prime-radiant/radiant/discovery"
)

// TestChooseStart: the newest that is whole comes next, for pods that were told what is in
// force. What is not ready in time is refused for good, and what serves shows what to go back
// to.
func TestChooseStart(t *testing.T) {
	t.Parallel()
	// A pod is what it started with, what it was told and what comes next; an exclamation
	// mark: it serves.
	pods := func(text string) (all []discovery.Node) {
		for one := range strings.FieldsSeq(text) {
			one, serves := strings.CutSuffix(one, "!")
			parts := strings.Split(one, ",")
			n := discovery.Node{Start: &discovery.Start{Version: parts[0], Told: parts[1], Next: parts[2]}}
			n.Versions = []discovery.Version{{Version: parts[0], State: discovery.Loading}}
			if serves {
				n.Versions[0].State = discovery.Serving
			}
			all = append(all, n)
		}
		return all
	}
	for _, c := range []struct{ name, now, refused, pods, want, wantRefused string }{
		{"nobody tells", "", "", "", "", ""},
		{"nothing new", "", "", "3,,! 3,,!", "", ""},
		{"a new one", "", "", "3,,! 3,,7!", "7", ""},
		{"numbers, not words", "", "", "9,,10! 3,,9!", "10", ""},
		{"it is told already", "7", "", "3,,7! 3,,9!", "7", ""},
		{"the next one", "7", "", "3,,7! 7,7,9!", "9", ""},
		{"the next one, of pods that are not ready", "7", "", "3,,7! 7,7,9", "9", ""},
		{"one that was taken back", "9", "", "9,9,7!", "7", ""},
		{"stuck", "7", "", "stuck 3,,7! 7,7,", "3", "7"},
		{"stuck, and what comes next", "7", "", "stuck 3,,7! 7,7,9", "9", ""},
		{"stuck, without any to go back to", "7", "", "stuck 7,7,", "7", ""},
		{"stuck, and others do not serve either", "7", "", "stuck 3,,7 7,7,", "7", ""},
		{"stuck by something else", "7", "", "stuck 3,,7! 7,7,!", "7", ""},
		{"stuck at first", "", "", "stuck 3,,", "", ""},
		{"what was refused is not tried again", "3", "7", "3,3,7!", "3", "7"},
		{"what comes after it is", "3", "7", "3,3,7! 3,3,9!", "9", "7"},
		{"gone back to, and not ready yet", "3", "7", "stuck 3,,7! 7,7,! 3,3,", "3", "7"},
		{"an older one serves too", "7", "", "stuck 5,5,7! 3,,7! 7,7,", "5", "7"},
		{"stuck, where one serves it that took the newest", "7", "", "stuck 3,,7! 7,,! 7,7,", "7", ""},
		{"one started while the store did not have it", "7", "5", "7,7,! 3,7,7!", "", "5"},
		{"one started while the store did not have it, and does not any more", "7", "", "7,7,! 3,7,!", "7", ""},
		{"refused twice", "10", "7", "stuck 3,3,10! 10,10,", "3", "7 10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, stuck := strings.CutPrefix(c.pods, "stuck ")
			now := discovery.Choice{Version: c.now, Refused: strings.Fields(c.refused)}
			next, changed := chooseStart(now, pods(text), stuck)
			if next.Version != c.want || strings.Join(next.Refused, " ") != c.wantRefused {
				t.Errorf("it is %+v, want %s, refused %s", next, c.want, c.wantRefused)
			}
			if is := fmt.Sprint(next) != fmt.Sprint(now); is != changed {
				t.Errorf("%v becomes %v, changed %v", now, next, changed)
			}
		})
	}
}

// TestPodsAreLate where they were given to nodes: what keeps pods from being made, or placed, says
// nothing of a version.
func TestPodsAreLate(t *testing.T) {
	t.Parallel()
	pod := func(conditions ...corev1.PodCondition) []corev1.Pod {
		return []corev1.Pod{{
			ObjectMeta: metav1.ObjectMeta{
				Labels:          map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "x"},
				OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "d-x"}},
			},
			Status: corev1.PodStatus{Conditions: conditions},
		}}
	}
	placed := corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}
	for _, c := range []struct {
		name, reason string
		pods         []corev1.Pod
		want         bool
	}{
		{"it is not ready", "ProgressDeadlineExceeded", pod(placed), true},
		{"it is ready", "ProgressDeadlineExceeded", pod(placed, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue}), false},
		{"there is no room", "ProgressDeadlineExceeded", pod(corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}), false},
		{"nobody may make it", "ProgressDeadlineExceeded", nil, false},
		{"nobody may make its ReplicaSet", "ReplicaSetCreateError", pod(placed), false},
	} {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "d"}}
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: c.reason}}
		if got := (&pass{facts: &facts{pods: c.pods}}).isLate(d); got != c.want {
			t.Errorf("%s: late is %t", c.name, got)
		}
	}
}
