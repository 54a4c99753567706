package controller

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// TestScalingOf: what an autoscaler says may pass in its first minute, and
// counts after that. The texts are those of Kubernetes 1.37 and KEDA 2.21.
func TestScalingOf(t *testing.T) {
	const hpa, keda = "HorizontalPodAutoscaler", "ScaledObject"
	const works = `{type: AbleToScale, status: "True", reason: ReadyForNewScale}`
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		kind, conditions string
		status           metav1.ConditionStatus
		reason           string
		needsUser        bool
		settles          time.Duration
	}{
		"new":      {hpa, ``, metav1.ConditionUnknown, "Progressing", false, 0},
		"works":    {hpa, works + `, {type: ScalingActive, status: "True"}`, metav1.ConditionTrue, "Ready", false, 0},
		"at limit": {hpa, works + `, {type: ScalingActive, status: "True"}, {type: ScalingLimited, status: "True", reason: TooFewReplicas}`, metav1.ConditionTrue, "Ready", false, 0},
		"no metrics yet": {hpa, works + `, {type: ScalingActive, status: "False", reason: FailedGetResourceMetric, lastTransitionTime: "2026-01-01T11:59:30Z",
message: "unable to get metrics for resource cpu: no metrics returned from resource metrics API"}`, metav1.ConditionUnknown, "Progressing", false, time.Minute},
		"no metrics": {hpa, works + `, {type: ScalingActive, status: "False", reason: FailedGetResourceMetric, lastTransitionTime: "2026-01-01T11:50:00Z",
message: "unable to get metrics for resource cpu: no metrics returned from resource metrics API"}`, metav1.ConditionFalse, "FailedGetResourceMetric", false, 0},
		"no request": {hpa, works + `, {type: ScalingActive, status: "False", reason: FailedGetResourceMetric, lastTransitionTime: "2026-01-01T11:50:00Z",
message: "failed to get cpu utilization: missing request for cpu in container c of Pod m-p-0-c-x"}`, metav1.ConditionFalse, "FailedGetResourceMetric", true, 0},
		"selector": {hpa, works + `, {type: ScalingActive, status: "False", reason: InvalidSelector, lastTransitionTime: "2026-01-01T11:50:00Z"}`, metav1.ConditionFalse, "InvalidSelector", true, 0},
		"no pods":  {hpa, works + `, {type: ScalingActive, status: "False", reason: ScalingDisabled, lastTransitionTime: "2026-01-01T11:50:00Z"}`, metav1.ConditionFalse, "ScalingDisabled", false, 0},
		"no scale": {hpa, `{type: AbleToScale, status: "False", reason: FailedGetScale, lastTransitionTime: "2026-01-01T11:50:00Z"}`, metav1.ConditionFalse, "FailedGetScale", false, 0},
		"KEDA looks": {keda, `{type: Ready, status: Unknown}, {type: Active, status: Unknown}`,
			metav1.ConditionUnknown, "Progressing", false, 0},
		"KEDA works": {keda, `{type: Ready, status: "True", reason: ScaledObjectReady}, {type: Active, status: "False", reason: ScalerNotActive}`,
			metav1.ConditionTrue, "Ready", false, 0},
		"KEDA refuses": {keda, `{type: Ready, status: "False", reason: ScaledObjectCheckFailed, message: "ScaledObject doesn't have correct Idle/Min/Max Replica Counts specification"}`,
			metav1.ConditionFalse, "ScaledObjectCheckFailed", true, 0},
	} {
		u := &unstructured.Unstructured{Object: parsed(t, "{kind: "+test.kind+`, metadata: {name: m, creationTimestamp: "2026-01-01T11:00:00Z"}, status: {conditions: [`+test.conditions+"]}}")}
		var o client.Object = u
		if test.kind == hpa {
			typed := &autoscalingv2.HorizontalPodAutoscaler{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, typed); err != nil {
				t.Fatal(err)
			}
			o = typed
		}
		got := scalingOf(o, now)
		if got.status != test.status || got.reason != test.reason || got.needsUser != test.needsUser || got.settles != test.settles {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := scalingOf(nil, now); got.status != metav1.ConditionUnknown {
		t.Errorf("one that has just been made: %+v", got)
	}
}

// TestPodsThatAreComingComeBeforeAutoscalers in what the status tells: it never
// says Failed with the words of something that goes on.
func TestPodsThatAreComingComeBeforeAutoscalers(t *testing.T) {
	p := expanded(t, stagedScaled())
	for _, d := range p.desired {
		if scales(d.kind) {
			p.scaling[d.ref] = scaling{metav1.ConditionFalse, "FailedGetResourceMetric", "missing request for cpu", true, 0}
		}
	}
	if got := p.status(v1.SeldonDeploymentStatus{}, time.Now()); got.State != v1.StatusCreating || strings.Contains(got.Description, "missing") {
		t.Errorf("without pods: %s, %q", got.State, got.Description)
	}
	p.workloads["m-p-0-c"] = &appsv1.Deployment{Status: appsv1.DeploymentStatus{
		ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}}
	if got := p.status(v1.SeldonDeploymentStatus{}, time.Now()); got.State != v1.StatusFailed || !strings.Contains(got.Description, "missing request") {
		t.Errorf("with pods: %s, %q", got.State, got.Description)
	}
}
