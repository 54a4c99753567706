package controller

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
)

// inContainer, inPod and inDeployment put YAML in flow style where its name says.
func inContainer(text string) string { return inPod("containers: [{name: c, image: i, " + text + "}]") }

func inPod(text string) string {
	return inDeployment("template: {metadata: {labels: {a: b}}, spec: {" + text + "}}")
}

func inDeployment(text string) string {
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: r}, spec: {selector: {matchLabels: {a: b}}, " + text + "}}"
}

func inBudget(text string) string {
	return "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: r}, spec: {selector: {matchLabels: {a: b}}, " + text + "}}"
}

// TestWhatIsWantedWinsOverItsRivals: of fields that exclude each other somebody
// has put another one in the place of ours. All else that is theirs stays.
func TestWhatIsWantedWinsOverItsRivals(t *testing.T) {
	const pod = "containers: [{name: c, image: i}], volumes: [{name: v, "
	const strategy = ", template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
	for name, test := range map[string]struct{ ours, theirs string }{
		"preStop":        {inContainer("lifecycle: {preStop: {sleep: {seconds: 7}}}"), inContainer("lifecycle: {preStop: {exec: {command: [x]}}}")},
		"postStart":      {inContainer("lifecycle: {postStart: {exec: {command: [x]}}}"), inContainer("lifecycle: {postStart: {httpGet: {port: 1}}}")},
		"liveness":       {inContainer("livenessProbe: {httpGet: {port: 1}}"), inContainer("livenessProbe: {tcpSocket: {port: 1}, periodSeconds: 9}")},
		"readiness":      {inContainer("readinessProbe: {tcpSocket: {port: 1}}"), inContainer("readinessProbe: {exec: {command: [x]}}")},
		"startup":        {inContainer("startupProbe: {grpc: {port: 1}}"), inContainer("startupProbe: {httpGet: {port: 1}}")},
		"volume":         {inPod(pod + "secret: {secretName: s}}]"), inPod(pod + "configMap: {name: s}}]")},
		"empty volume":   {inPod(pod + "emptyDir: {}}]"), inPod(pod + "hostPath: {path: /x}}]")},
		"value":          {inContainer("env: [{name: e, value: x}]"), inContainer("env: [{name: e, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]")},
		"value from":     {inContainer("env: [{name: e, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), inContainer("env: [{name: e, value: x}]")},
		"source":         {inContainer("env: [{name: e, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), inContainer("env: [{name: e, valueFrom: {configMapKeyRef: {name: s, key: k}}}]")},
		"init container": {inPod("containers: [{name: c, image: i}], initContainers: [{name: i, image: i, env: [{name: e, value: x}]}]"), inPod("containers: [{name: c, image: i}], initContainers: [{name: i, image: i, env: [{name: e, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]")},
		"strategy":       {inDeployment("strategy: {type: Recreate}" + strategy), inDeployment("strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 2}}" + strategy)},
		"budget":         {inBudget("maxUnavailable: 1"), inBudget("minAvailable: 1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, manager := range []string{"kubectl-edit", "argocd-controller"} {
				winsOver(t, test.ours, test.theirs, manager)
			}
		})
	}
}

func winsOver(t *testing.T, ours, theirs, manager string) {
	t.Helper()
	s := newStage(t)
	d := s.prepared(ours)
	first, after := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	if err := s.applier.Apply(t.Context(), d, nil, first); err != nil {
		t.Fatal(err)
	}
	edit := s.prepared(theirs).object
	edit.SetResourceVersion(first.GetResourceVersion())
	edit.SetAnnotations(map[string]string{"theirs": "stays"})
	if err := s.client.Update(t.Context(), edit, client.FieldOwner(manager)); err != nil {
		t.Fatal(err)
	}
	if err := s.applier.Apply(t.Context(), d, edit, after); err != nil {
		t.Fatalf("%s: %v", manager, err)
	}
	if !d.IsCurrent(after) {
		t.Errorf("%s: not all of what is wanted is ours: %s", manager, ownedFields(after))
	}
	if left := rivals(d.made, after.Object); !left.Empty() {
		t.Errorf("%s: there still is %s", manager, left)
	}
	if after.GetAnnotations()["theirs"] != "stays" {
		t.Errorf("%s: their annotation is gone: %v", manager, after.GetAnnotations())
	}
	if strings.Contains(theirs, "periodSeconds: 9") && !strings.Contains(asYAML(t, after), "periodSeconds: 9") {
		t.Errorf("%s: what excludes nothing is gone:\n%s", manager, asYAML(t, after))
	}
}

// TestUnownedRivalsGo too: the API server fills in a rolling update, which then
// belongs to nobody.
func TestUnownedRivalsGo(t *testing.T) {
	const rest = "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}"
	s := newStage(t)
	first, after := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	if err := s.applier.Apply(t.Context(), s.prepared(inDeployment(rest)), nil, first); err != nil {
		t.Fatal(err)
	}
	if err := s.applier.Apply(t.Context(), s.prepared(inDeployment("strategy: {type: Recreate}, "+rest)), first, after); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedMap(after.Object, "spec", "strategy"); len(got) != 1 || got["type"] != "Recreate" {
		t.Errorf("the strategy is %v", got)
	}
}

// prepared is an object of the stage's namespace.
func (s *stage) prepared(text string) Desired {
	s.Helper()
	var o expand.Object = &appsv1.Deployment{}
	if strings.Contains(text, "PodDisruptionBudget") {
		o = &policyv1.PodDisruptionBudget{}
	}
	if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
		s.Fatal(err)
	}
	o.SetNamespace(s.namespace)
	d, err := Prepare(o)
	if err != nil {
		s.Fatal(err)
	}
	return d
}

func asYAML(t *testing.T, o metav1.Object) string {
	t.Helper()
	text, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
