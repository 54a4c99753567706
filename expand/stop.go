package expand

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// PreStop is how a component stays up after Kubernetes has begun to stop its pod,
// until the endpoints that lead to it are gone and the executor's open requests
// have ended.
type PreStop string

// The ways to keep a component up.
const (
	// PreStopSleep lets the kubelet wait, from Kubernetes 1.30 on.
	PreStopSleep PreStop = "sleep"
	// PreStopShell lets a shell in the component's image wait. An image
	// without one stops at once, and requests to it fail.
	PreStopShell PreStop = "shell"
)

// PreStops lists the ways to keep a component up.
func PreStops() []string { return []string{string(PreStopSleep), string(PreStopShell)} }

// drainSeconds is how long a component stays up.
const drainSeconds = 10

// drained adds the hook that keeps a component up to the hooks that the user
// wrote, unless one of them is for the same moment.
func (p *predictor) drained(own *corev1.Lifecycle, grace int64) *corev1.Lifecycle {
	hooks := p.drain(grace)
	if own == nil || hooks == nil || own.PreStop != nil {
		return cmp.Or(own, hooks)
	}
	hooks.PostStart, hooks.StopSignal = own.PostStart, own.StopSignal
	return hooks
}

// drain is the hook of a component whose pod has grace seconds to stop; nil:
// none. The API server refuses a sleep that is longer, and requests under way
// need time after it: half of a short grace period is theirs.
func (p *predictor) drain(grace int64) *corev1.Lifecycle {
	hook := &corev1.LifecycleHandler{}
	if p.in.Config.Units.PreStop == PreStopShell {
		hook.Exec = &corev1.ExecAction{Command: []string{"/bin/sh", "-c", fmt.Sprintf("/bin/sleep %d", drainSeconds)}}
		return &corev1.Lifecycle{PreStop: hook}
	}
	seconds := min(drainSeconds, grace/2)
	if seconds == 0 {
		return nil
	}
	hook.Sleep = &corev1.SleepAction{Seconds: seconds}
	return &corev1.Lifecycle{PreStop: hook}
}
