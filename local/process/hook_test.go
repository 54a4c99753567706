package process

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestHooksThatOnlySleepAreSkipped(t *testing.T) {
	exec := func(words ...string) *corev1.LifecycleHandler {
		return &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: words}}
	}
	for _, one := range []struct {
		hook *corev1.LifecycleHandler
		want bool
	}{
		{exec("/bin/sh", "-c", "/bin/sleep 10"), true},
		{exec("sleep", "5"), true},
		{&corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}, true},
		{exec("/bin/sh", "-c", "sleep 10; rm lock"), false},
		{exec("/bin/stop"), false},
	} {
		if got := sleeps(one.hook); got != one.want {
			t.Errorf("sleeps(%v) = %v", one.hook, got)
		}
	}
}
