package local

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// preStop runs the container's preStop hook. Where the hook only sleeps, so
// that a cluster has time to send requests elsewhere, it is skipped: the
// gateway has stopped sending requests before it stops a pod.
func (c *container) preStop() {
	hook := c.spec.Lifecycle
	if hook == nil || hook.PreStop == nil || sleeps(hook.PreStop) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(c.grace, c.host.pace.hook))
	defer cancel()
	go func() {
		select {
		case <-c.host.abort:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := c.hook(ctx, hook.PreStop); err != nil {
		c.host.console.say("%s: preStop: %v", c.label, err)
	}
}

// hook performs one lifecycle action.
func (c *container) hook(ctx context.Context, action *corev1.LifecycleHandler) error {
	if sleeps(action) {
		return nil
	}
	return c.prober.check(ctx, &corev1.Probe{
		ProbeHandler:   corev1.ProbeHandler{Exec: action.Exec, HTTPGet: action.HTTPGet, TCPSocket: action.TCPSocket},
		TimeoutSeconds: int32(c.host.pace.hook.Seconds()),
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
