package expand_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/prime-radiant/radiant/expand"
)

// restricted is the check that an API server makes in a namespace with the
// restricted pod security standard.
func restricted(t *testing.T) func(*corev1.PodTemplateSpec) string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	return func(pod *corev1.PodTemplateSpec) string {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec))
		if result.Allowed {
			return ""
		}
		return result.ForbiddenDetail()
	}
}

// TestRestrictedPodSecurity: all that is not the user's own satisfies the
// restricted standard.
func TestRestrictedPodSecurity(t *testing.T) {
	refused := restricted(t)
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range inputs {
		in := readInput(t, path)
		objects, err := expand.Expand(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			d, ok := o.(*appsv1.Deployment)
			if !ok {
				continue
			}
			pod := d.Spec.Template.DeepCopy()
			if pod.Spec.Containers = ours(pod.Spec.Containers); len(pod.Spec.Containers) == 0 {
				continue
			}
			pod.Spec.InitContainers = ours(pod.Spec.InitContainers)
			if why := refused(pod); why != "" {
				t.Errorf("%s: %s: %s", path, d.Name, why)
			}
		}
	}
}

// ours leaves out the containers whose image is the user's, or the
// installation's.
func ours(containers []corev1.Container) []corev1.Container {
	var kept []corev1.Container
	for _, c := range containers {
		if !strings.HasPrefix(c.Image, "example/") && !strings.HasPrefix(c.Image, "registry.example.com/") {
			kept = append(kept, c)
		}
	}
	return kept
}

// TestPodSecurityOfTheUser: what the user says of users and profiles counts.
func TestPodSecurityOfTheUser(t *testing.T) {
	const deployment = `
metadata: {name: d}
spec: {predictors: [{name: p, graph: {name: m, implementation: %s, modelUri: "gs://b/m"}, componentSpecs: [{spec: {%s}}]}]}`
	for name, c := range map[string]struct {
		server, pod, security string
		refused               bool
		nonRoot               map[string]bool
	}{
		"MLServer":          {"SKLEARN_SERVER", "", "restricted", false, map[string]bool{"m": true, expand.ExecutorContainer: true, "m-model-initializer": true}},
		"image of root":     {"TENSORFLOW_SERVER", "", "restricted", false, map[string]bool{"m": true, expand.ExecutorContainer: true, "m-model-initializer": true}},
		"user of the pod":   {"TENSORFLOW_SERVER", "securityContext: {runAsUser: 7}", "restricted", false, map[string]bool{"m": true, expand.ExecutorContainer: true, "m-model-initializer": true}},
		"root of the pod":   {"SKLEARN_SERVER", "securityContext: {runAsUser: 0}", "restricted", true, nil},
		"its own":           {"SKLEARN_SERVER", "containers: [{name: m, securityContext: {privileged: true}}]", "restricted", true, map[string]bool{expand.ExecutorContainer: true, "m-model-initializer": true}},
		"as Seldon Core v1": {"SKLEARN_SERVER", "", "none", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, parse(t, fmt.Sprintf(deployment, c.server, c.pod)), map[string]string{"POD_SECURITY": c.security})
			objects, err := expand.Expand(in)
			if err != nil {
				t.Fatal(err)
			}
			pod := &firstDeployment(t, objects).Spec.Template
			if why := restricted(t)(pod); (why != "") != c.refused {
				t.Errorf("refused: %q", why)
			}
			for _, k := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				got := k.SecurityContext != nil && k.SecurityContext.RunAsNonRoot != nil && *k.SecurityContext.RunAsNonRoot
				if got != c.nonRoot[k.Name] {
					t.Errorf("%s: runAsNonRoot is %v", k.Name, got)
				}
			}
		})
	}
}

// TestTokensAreWithheld: a pod gets no token of its account where nobody in it
// asks the API server for anything, unless the user says otherwise.
func TestTokensAreWithheld(t *testing.T) {
	for name, c := range map[string]struct {
		pod, setting string
		want         *bool
	}{
		"a server of ours":        {``, ``, new(false)},
		"the user says so":        {`automountServiceAccountToken: true, `, ``, new(true)},
		"an account that is none": {`serviceAccountName: default, `, ``, new(false)},
		"an account":              {`serviceAccountName: mine, `, ``, nil},
		"a container aside":       {`containers: [{name: m}, {name: aside, image: "example/aside:1"}], `, ``, nil},
		"an init container":       {`initContainers: [{name: first, image: "example/first:1"}], `, ``, nil},
		"as in v1":                {``, `none`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(c.pod, "containers: [{name: m}") {
				c.pod += `containers: [{name: m}]`
			}
			d := parse(t, `{metadata: {name: d}, spec: {predictors: [{name: p, graph: {name: m, implementation: SKLEARN_SERVER, modelUri: "gs://m"}, componentSpecs: [{spec: {`+
				c.pod+`}}]}]}}`)
			objects, err := expand.Expand(input(t, d, map[string]string{"POD_SECURITY": c.setting}))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if w, ok := o.(*appsv1.Deployment); ok {
					if diff := cmp.Diff(c.want, w.Spec.Template.Spec.AutomountServiceAccountToken); diff != "" {
						t.Errorf("-want +got:\n%s", diff)
					}
				}
			}
		})
	}
}
