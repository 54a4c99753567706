package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

// containsLine reports whether a condition has a reason and a text in its
// message.
func containsLine(d *v1.SeldonDeployment, condition, reason, text string) bool {
	return slices.ContainsFunc(d.Status.Conditions, func(c v1.Condition) bool {
		return c.Type == condition && c.Reason == reason && strings.Contains(c.Message, text)
	})
}

// TestEachRuleShowsInTheStatus with the field that it is about. What the schema
// refuses already is not here.
func TestEachRuleShowsInTheStatus(t *testing.T) {
	w := newWorld(t, server)
	op := w.start()
	const pod = `, componentSpecs: [{spec: {containers: [{name: m, image: "m:1"}]}}]`
	cases := map[string]struct{ spec, want string }{
		"kafka": {`serverType: kafka, predictors: [{name: a, graph: {name: m}` + pod + `}]`,
			"spec.predictors[0].svcOrchSpec.env: For kafka please supply"},
		"service-name": {`predictors: [{name: a, traffic: 50, annotations: {seldon.io/svc-name: x}, graph: {name: m}` + pod + `},
			{name: b, traffic: 50, annotations: {seldon.io/svc-name: x}, graph: {name: m}` + pod + `}]`,
			"Found duplicate service name in seldon.io/svc-name"},
		"no-engine": {`predictors: [{name: a, annotations: {seldon.io/no-engine: "true"}, graph: {name: m, children: [{name: k}]},
			componentSpecs: [{spec: {containers: [{name: m, image: "m:1"}, {name: k, image: "k:1"}]}}]}]`,
			"Running without engine only valid for single element graphs"},
		"no-container":     {`predictors: [{name: a, graph: {name: m}}]`, "spec.predictors[0].graph.name: Can't find container for Predictive Unit"},
		"no-methods":       {`predictors: [{name: a, graph: {name: m, type: UNKNOWN_TYPE}` + pod + `}]`, "Predictive Unit has no implementation methods defined"},
		"no-model-uri":     {`predictors: [{name: a, graph: {name: m, implementation: SKLEARN_SERVER}}]`, "Predictive unit modelUri required when using standalone servers"},
		"unknown-server":   {`predictors: [{name: a, graph: {name: m, implementation: MY_SERVER, modelUri: "gs://b/m"}}]`, "MY_SERVER"},
		"logger-mode":      {`predictors: [{name: a, graph: {name: m, logger: {url: "http://x"}}` + pod + `}]`, "spec.predictors[0].graph.logger.mode"},
		"endpoint-types":   {`predictors: [{name: a, graph: {name: m, endpoint: {type: REST}, children: [{name: k, endpoint: {type: GRPC}}]}, componentSpecs: [{spec: {containers: [{name: m, image: "m:1"}, {name: k, image: "k:1"}]}}]}]`, "Multiple endpoint.types found"},
		"transport":        {`transport: grpc, predictors: [{name: a, graph: {name: m, endpoint: {type: REST}}` + pod + `}]`, "Mixed transport types found"},
		"traffic":          {`predictors: [{name: a, traffic: 40, graph: {name: m}` + pod + `}]`, "spec.predictors[0].traffic"},
		"shadow-traffic":   {`predictors: [{name: a, graph: {name: m}` + pod + `}, {name: b, shadow: true, traffic: 101, graph: {name: m}` + pod + `}]`, "spec.predictors[1].traffic"},
		"deep":             {`predictors: [{name: a, graph: {name: m, children: [{name: k, type: MODLE}]}` + pod + `}]`, "spec.predictors[0].graph.children[0].type"},
		"not-a-pod":        {`predictors: [{name: a, graph: {name: m}, componentSpecs: [{spec: {containers: {name: m}}}]}]`, "spec.predictors[0].componentSpecs[0].spec.containers"},
		"not-a-quantity":   {`predictors: [{name: a, graph: {name: m}, componentSpecs: [{spec: {containers: [{name: m, image: "m:1", resources: {limits: {cpu: lots}}}]}}]}]`, "spec.predictors[0].componentSpecs[0].spec.containers[0].resources.limits"},
		"scale-bounds":     {`predictors: [{name: a, graph: {name: m}, componentSpecs: [{scaleSpec: {minReplicas: 4, maxReplicas: 3}, spec: {containers: [{name: m, image: "m:1"}]}}]}]`, "spec.predictors[0].componentSpecs[0].scaleSpec.minReplicas: minReplicas 4 is above maxReplicas 3"},
		"scale-target":     {`predictors: [{name: a, graph: {name: m}, componentSpecs: [{scaleSpec: {target: 0}, spec: {containers: [{name: m, image: "m:1"}]}}]}]`, "spec.predictors[0].componentSpecs[0].scaleSpec.target: 0 is not above 0"},
		"two-autoscalers":  {`predictors: [{name: a, graph: {name: m}, componentSpecs: [{scaleSpec: {}, hpaSpec: {maxReplicas: 3}, spec: {containers: [{name: m, image: "m:1"}]}}]}]`, "spec.predictors[0].componentSpecs[0].scaleSpec: excludes hpaSpec beside it"},
		"several-problems": {`predictors: [{name: a, traffic: 7, graph: {name: m, type: MODLE, logger: {mode: never}}}]`, "spec.predictors[0].graph.logger.mode"},
	}
	for name, c := range cases {
		w.apply(fmt.Sprintf("apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: %s}\nspec: {%s}", name, c.spec))
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.TB = t
			d := w.awaitState(name, v1.StatusFailed)
			for _, condition := range []string{v1.ConditionValid, v1.ConditionReady} {
				if !containsLine(d, condition, "Invalid", c.want) {
					t.Errorf("condition %s does not say %q: %+v", condition, c.want, d.Status.Conditions)
				}
			}
			if !strings.Contains(d.Status.Description, c.want) {
				t.Errorf("the description does not say %q: %s", c.want, d.Status.Description)
			}
		})
	}
	if sent := op.writes.list("PATCH"); len(sent) != len(cases) {
		t.Errorf("something other than %d statuses was written: %v", len(cases), sent)
	}
	d := w.deployment("several-problems")
	for _, field := range []string{".graph.type", ".graph.logger.mode", ".traffic"} {
		if !strings.Contains(d.Status.Description, field) {
			t.Errorf("not all problems are shown, %s is missing: %s", field, d.Status.Description)
		}
	}
}

// TestNoActivatorIsInstalled: what would need one is refused, as the status says.
func TestNoActivatorIsInstalled(t *testing.T) {
	w := newWorld(t, server)
	w.start(func(o *controller.Options) { o.Environment.Expand.Activator = false })
	w.apply(sized("scaleSpec: {minReplicas: 0}"))
	d := w.awaitState("model", v1.StatusFailed)
	const want = "spec.predictors[0].componentSpecs[0].scaleSpec.minReplicas: 0 needs the activator, which keeps requests until there is a pod, and none is installed"
	if !containsLine(d, v1.ConditionValid, "Invalid", want) || !strings.Contains(d.Status.Description, want) {
		t.Errorf("the status does not say %q: %+v", want, d.Status)
	}
	w.apply(sized("scaleSpec: {minReplicas: 1}"))
	w.serveAll()
	w.awaitState("model", v1.StatusAvailable)
}

// TestInvalidChangeLeavesWhatServes as it is.
func TestInvalidChangeLeavesWhatServes(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	before := w.versions()
	w.apply(strings.Replace(model, "type: MODEL", "type: MODLE", 1))
	d := w.awaitState("model", v1.StatusFailed)
	if len(d.Status.DeploymentStatus) != 1 || d.Status.Address == nil {
		t.Errorf("the status lost what still serves: %+v", d.Status)
	}
	for name, version := range w.versions() {
		if before[name] != version {
			t.Errorf("%s was changed", name)
		}
	}
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
}

// TestRefusedObjects: what the API server does not take is in the status; the
// rest is applied, and all of it when the reason is gone.
func TestRefusedObjects(t *testing.T) {
	w := newWorld(t, server)
	quota := &corev1.ResourceQuota{}
	quota.Name, quota.Namespace = "none", w.namespace
	quota.Spec.Hard = corev1.ResourceList{"count/deployments.apps": resource.MustParse("0")}
	if err := w.Create(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{"count/deployments.apps": resource.MustParse("0")}
	if err := w.Status().Update(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.serveAll()
	w.apply(model)
	d := w.awaitState("model", v1.StatusFailed)
	if !containsLine(d, v1.ConditionDeployments, "Refused", "exceeded quota") {
		t.Errorf("no condition tells of the quota: %+v", d.Status.Conditions)
	}
	if err := w.Get(t.Context(), types.NamespacedName{Name: "model-main"}, &corev1.Service{}); err != nil {
		t.Errorf("the Service was not applied: %v", err)
	}
	if err := w.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	w.awaitState("model", v1.StatusAvailable)
}
