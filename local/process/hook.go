package process

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Hook performs one lifecycle action within the given time. One that only
// sleeps, so that a cluster has time to send requests elsewhere, is skipped:
// nothing is sent any more to what is stopped here.
func (p *Prober) Hook(ctx context.Context, action *corev1.LifecycleHandler, atMost time.Duration) error {
	if sleeps(action) {
		return nil
	}
	return p.Check(ctx, &corev1.Probe{
		ProbeHandler:   corev1.ProbeHandler{Exec: action.Exec, HTTPGet: action.HTTPGet, TCPSocket: action.TCPSocket},
		TimeoutSeconds: int32(atMost.Seconds()),
	})
}

// sleeps reports whether the action does nothing but sleep.
func sleeps(action *corev1.LifecycleHandler) bool {
	if action.Sleep != nil {
		return true
	}
	if action.Exec == nil {
		return false
	}
	words := strings.Fields(strings.Join(action.Exec.Command, " "))
	if len(words) == 4 && strings.HasSuffix(words[0], "sh") && words[1] == "-c" {
		words = words[2:]
	}
	return len(words) == 2 && (words[0] == "sleep" || words[0] == "/bin/sleep")
}
