package expand_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/expand"
)

func TestComponentsAreKeptUp(t *testing.T) {
	sleep := func(seconds int64) *corev1.LifecycleHandler {
		return &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: seconds}}
	}
	shell := &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "/bin/sleep 10"}}}
	for name, c := range map[string]struct {
		pod, setting string
		want         *corev1.LifecycleHandler
		container    string
	}{
		"nothing said":          {``, ``, sleep(10), ``},
		"long grace period":     {`terminationGracePeriodSeconds: 300, `, `sleep`, sleep(10), ``},
		"short grace period":    {`terminationGracePeriodSeconds: 7, `, ``, sleep(3), ``},
		"next to none":          {`terminationGracePeriodSeconds: 1, `, ``, nil, ``},
		"no grace period":       {`terminationGracePeriodSeconds: 0, `, ``, nil, ``},
		"another hook":          {``, ``, sleep(10), `, lifecycle: {postStart: {exec: {command: [warm]}}}`},
		"a hook of the user's":  {``, ``, &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"bye"}}}, `, lifecycle: {preStop: {exec: {command: [bye]}}}`},
		"no time, another hook": {`terminationGracePeriodSeconds: 0, `, ``, nil, `, lifecycle: {postStart: {exec: {command: [warm]}}}`},
		"by the image's shell":  {``, `shell`, shell, ``},
		"shell, a short period": {`terminationGracePeriodSeconds: 1, `, `shell`, shell, ``},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, `{metadata: {name: d}, spec: {predictors: [{name: p, graph: {name: m, type: MODEL}, componentSpecs: [{spec: {`+
				c.pod+`containers: [{name: m, image: m`+c.container+`}]}}]}]}}`)
			objects, err := expand.Expand(input(t, d, map[string]string{"PREDICTIVE_UNIT_PRE_STOP": c.setting}))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				w, ok := o.(*appsv1.Deployment)
				if !ok {
					continue
				}
				var got *corev1.LifecycleHandler
				if l := w.Spec.Template.Spec.Containers[0].Lifecycle; l != nil {
					got = l.PreStop
				}
				if strings.Contains(c.container, "postStart") && w.Spec.Template.Spec.Containers[0].Lifecycle.PostStart == nil {
					t.Error("the user's own hook is lost")
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}
