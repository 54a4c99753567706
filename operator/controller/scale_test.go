package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

const (
	fixed  = "replicas: 3"
	scaled = "hpaSpec: {minReplicas: 1, maxReplicas: 9, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}"
)

// sized is a deployment whose only component has a line more.
func sized(line string) string {
	return strings.Replace(model, `[{spec: {containers: [{name: classifier, image: "mock:1"}]}}]`,
		"\n    - spec: {containers: [{name: classifier, image: \"mock:1\"}]}\n      "+line, 1)
}

// TestAutoscalersKeepTheirReplicas through changes of the deployment, and when
// they come and go.
func TestAutoscalersKeepTheirReplicas(t *testing.T) {
	w := newWorld(t, server)
	op := w.start()
	w.serveAll()
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	replicas := func(want int32, hpa bool) {
		t.Helper()
		w.awaitState("model", v1.StatusAvailable)
		d := &appsv1.Deployment{}
		if err := w.Get(t.Context(), name, d); err != nil {
			t.Fatal(err)
		}
		if *d.Spec.Replicas != want {
			t.Errorf("there are %d replicas, want %d", *d.Spec.Replicas, want)
		}
		err := w.Get(t.Context(), name, &autoscalingv2.HorizontalPodAutoscaler{})
		if hpa != (err == nil) || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("looking for the autoscaler: %v", err)
		}
	}
	scale := func(n int32) {
		t.Helper()
		d := &appsv1.Deployment{}
		d.Name, d.Namespace = name.Name, w.namespace
		body := &autoscalingv1.Scale{}
		if err := w.SubResource("scale").Get(t.Context(), d, body); err != nil {
			t.Fatal(err)
		}
		body.Spec.Replicas = n
		if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body), client.FieldOwner("autoscaler")); err != nil {
			t.Fatal(err)
		}
	}

	w.apply(sized(fixed))
	replicas(3, false)
	w.apply(sized(scaled)) // The autoscaler starts from what is there.
	replicas(3, true)
	scale(7)
	w.apply(strings.Replace(sized(scaled), "mock:1", "mock:2", 1))
	replicas(7, true)
	op.stop()
	w.start()
	w.apply(strings.Replace(sized(scaled), "mock:1", "mock:3", 1))
	replicas(7, true)
	w.apply(sized("")) // Nobody says how many.
	replicas(7, false)
	w.apply(sized(fixed))
	replicas(3, false)
}

// TestScaleOfTheDeployment: spec.replicas, which kubectl scale and autoscalers
// write, counts where nothing else does.
func TestScaleOfTheDeployment(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(model + "  replicas: 2\n")
	d := w.awaitState("model", v1.StatusAvailable)
	body := &autoscalingv1.Scale{}
	if err := w.SubResource("scale").Get(t.Context(), d, body); err != nil {
		t.Fatal(err)
	}
	if body.Status.Replicas != 2 || !strings.Contains(body.Status.Selector, "seldon-app-svc-classifier=model-main-classifier") {
		t.Errorf("the status of the scale is %+v", body.Status)
	}
	body.Spec.Replicas = 5
	if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body)); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if got := w.deployment("model").Status.Replicas; got != 5 {
			return "the status does not say 5 replicas"
		}
		return ""
	})
}

// TestAutoscalersThatDoNotWorkAreTold: what they say is in the status, as soon
// as it cannot pass by itself, and is gone when it has passed.
func TestAutoscalersThatDoNotWorkAreTold(t *testing.T) {
	w := newWorld(t, server)
	if err := server.Install(t.Context(), scaledObjects()); err != nil {
		t.Fatal(err)
	}
	w.start(func(o *controller.Options) { o.Environment.Expand.KEDA = true })
	w.serveAll()
	const keda = "kedaSpec: {minReplicaCount: 1, maxReplicaCount: 3, triggers: [{type: prometheus, metadata: {serverAddress: x}}]}"
	for _, test := range []struct {
		line, apiVersion, kind, condition, works, fails string
		want                                            string
	}{
		{scaled, "autoscaling/v2", "HorizontalPodAutoscaler", v1.ConditionHPAs, "ScalingActive", "FailedGetResourceMetric",
			"missing request for cpu in container classifier"},
		{keda, "keda.sh/v1alpha1", "ScaledObject", v1.ConditionKEDA, "Ready", "ScaledObjectCheckFailed",
			"no threshold given"},
	} {
		w.apply(sized(test.line))
		w.awaitState("model", v1.StatusAvailable)
		says := func(status metav1.ConditionStatus, reason, text string) {
			t.Helper()
			w.eventually(func() string {
				d := w.deployment("model")
				for _, c := range d.Status.Conditions {
					if c.Type == test.condition && c.Status == status && c.Reason == reason && strings.Contains(c.Message, text) {
						return ""
					}
				}
				return fmt.Sprintf("%s is not %s, %s, %q: %+v", test.condition, status, reason, text, d.Status.Conditions)
			})
		}
		condition := func(status string, since time.Time) {
			t.Helper()
			u := &unstructured.Unstructured{}
			u.SetAPIVersion(test.apiVersion)
			u.SetKind(test.kind)
			u.SetName("model-main-0-classifier")
			patch := fmt.Sprintf(`{"status": {"desiredReplicas": 1, "currentMetrics": null, "conditions": [{"type": %q, "status": %q, "reason": %q, "message": %q, "lastTransitionTime": %q}]}}`,
				test.works, status, test.fails, test.want, since.UTC().Format(time.RFC3339))
			if err := w.Status().Patch(t.Context(), u, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
				t.Fatal(err)
			}
		}
		says(metav1.ConditionUnknown, "Progressing", "nothing has looked at it yet")
		condition("False", time.Now())
		says(metav1.ConditionUnknown, "Progressing", test.want)
		w.awaitState("model", v1.StatusAvailable)
		condition("True", time.Now())
		says(metav1.ConditionTrue, "Ready", "")
		condition("False", time.Now().Add(-time.Hour))
		says(metav1.ConditionFalse, test.fails, test.want)
		d := w.awaitState("model", v1.StatusFailed)
		if !strings.Contains(d.Status.Description, test.kind+" model-main-0-classifier: "+test.want) {
			t.Errorf("the description is %q", d.Status.Description)
		}
		condition("True", time.Now())
		w.awaitState("model", v1.StatusAvailable)
	}
}

// scaledObjects is the definition of the kind, as far as the API server needs
// to know it.
func scaledObjects() []byte {
	return []byte(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: scaledobjects.keda.sh},
spec: {group: keda.sh, scope: Namespaced, names: {plural: scaledobjects, kind: ScaledObject}, versions: [{name: v1alpha1, served: true, storage: true,
subresources: {status: {}}, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true},
status: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}]}}`)
}
