package v1

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/scaling"
)

func TestValidateScaling(t *testing.T) {
	scaled := func(scaling string) string {
		return withComponents(`[{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 1}}}]}, ` + scaling + `}]`)
	}
	const component = `spec.predictors[0].componentSpecs[0].`
	const at = component + `scaleSpec`
	check(t, []validateCase{
		{"right", scaled(`scaleSpec: {minReplicas: 0, maxReplicas: 5, target: 1, containerConcurrency: 1, window: 60s}`), nil},
		{"empty", scaled(`scaleSpec: {}`), nil},
		{"counts", scaled(`scaleSpec: {minReplicas: 4, maxReplicas: 3, containerConcurrency: -1, initialScale: 0, activationScale: 0}`), []string{
			`error: ` + at + `.containerConcurrency: -1 is negative; write 0 or more`,
			`error: ` + at + `.minReplicas: minReplicas 4 is above maxReplicas 3`,
			`warning: ` + at + `.initialScale: 0 is below minReplicas 4, which counts`,
			`error: ` + at + `.activationScale: 0 pods cannot answer; write 1 or more`,
		}},
		{"most only", scaled(`scaleSpec: {maxReplicas: -2}`), []string{`error: ` + at + `.maxReplicas: -2 is negative; write 0 or more`}},
		{"target", scaled(`scaleSpec: {target: 0}`), []string{
			`error: ` + at + `.target: 0 is not above 0: write how many requests one pod should have, 0.01 or more`,
		}},
		{"target above the limit", scaled(`scaleSpec: {target: "2.5", containerConcurrency: 2}`), []string{
			`error: ` + at + `.target: 2500m is above containerConcurrency 2, so no pod ever has as many; write 2 or less`,
		}},
		{"metric", scaled(`scaleSpec: {metric: concurency}`), []string{
			`error: ` + at + `.metric: Invalid metric "concurency"; use concurrency or rps (did you mean concurrency?)`,
		}},
		{"percentages", scaled(`scaleSpec: {targetUtilizationPercentage: 0, panicWindowPercentage: 101, panicThresholdPercentage: 100}`), []string{
			`error: ` + at + `.targetUtilizationPercentage: 0 is not a percentage from 1 to 100`,
			`error: ` + at + `.panicWindowPercentage: 101 is not a percentage from 1 to 100`,
			`error: ` + at + `.panicThresholdPercentage: 100 is not a percentage from 110 to 1000`,
		}},
		{"durations", scaled(`scaleSpec: {window: 5s, scaleDownDelay: "30", scaleToZeroGracePeriod: 61m}`), []string{
			`error: ` + at + `.window: 5s is not from 6s to 1h`,
			`error: ` + at + `.scaleDownDelay: "30" is not a duration; write one such as 30s or 5m`,
			`error: ` + at + `.scaleToZeroGracePeriod: 61m is not from 0s to 1h`,
		}},
		{"two autoscalers", scaled(`scaleSpec: {}, hpaSpec: {maxReplicas: 3}, kedaSpec: {triggers: [{type: cron}]}`), []string{
			`warning: ` + component + `hpaSpec: is ignored where KEDA is on, since kedaSpec counts there`,
			`error: ` + at + `: excludes hpaSpec beside it: two autoscalers would undo each other's work; take one of them out`,
			`error: ` + at + `: excludes kedaSpec beside it: two autoscalers would undo each other's work; take one of them out`,
		}},
		{"replicas", scaled(`scaleSpec: {}, replicas: 3`), []string{
			`warning: ` + component + `replicas: is ignored, since the number of replicas is scaled automatically`,
		}},
	})
}

// TestValidateScalingToZero: what would lose requests at zero is refused.
func TestValidateScalingToZero(t *testing.T) {
	with := func(spec, predictor string) string {
		return braced(spec + ` predictors: [{name: p, ` + predictor + ` graph: {name: m, type: MODEL}, componentSpecs: [
			{scaleSpec: {minReplicas: 0}, spec: {containers: [{name: m, image: i}]}}]}]`)
	}
	const at = `spec.predictors[0].componentSpecs[0].scaleSpec`
	check(t, []validateCase{
		{"headless", with(`annotations: {seldon.io/headless-svc: "true"},`, ``), []string{
			`error: ` + at + `.minReplicas: 0 excludes seldon.io/headless-svc: clients would be led to the activator at a port where it does not listen; write 1, or take it out`,
		}},
		{"certificates", with(``, `ssl: {certSecretName: s},`), []string{
			`error: ` + at + `.minReplicas: 0 excludes ssl of the predictor: the activator cannot read requests that are encrypted for the executor; write 1, or let the ingress have the certificate`,
		}},
		{"nobody counts", with(``, `annotations: {seldon.io/no-engine: "true"},`), []string{
			`error: ` + at + `: needs the executor, which counts the requests; take the annotation seldon.io/no-engine out, or write hpaSpec`,
		}},
	})
	o := testRules()
	o.NoActivator = true
	const want = `error: ` + at + `.minReplicas: 0 needs the activator, which keeps requests until there is a pod, and none is installed: write 1, or install it (docs/scaling.md)`
	got := Validate(parse(t, "metadata: {name: d}\nspec: "+with(``, ``)), o)
	if len(got) != 1 || got[0].Error() != want {
		t.Errorf("without an activator: %v", got)
	}
}

// TestALimitThatNothingKeeps: the executor keeps that of the pod in which it runs, the
// activator that of the others.
func TestALimitThatNothingKeeps(t *testing.T) {
	limited := func(predictor, first, second string) string {
		return "metadata: {name: d}\nspec: " + braced(`predictors: [{name: p, `+predictor+` graph: {name: m, type: TRANSFORMER, children: [{name: n, type: MODEL}]}, componentSpecs: [
			{`+first+`spec: {containers: [{name: m, image: i}]}}, {`+second+`spec: {containers: [{name: n, image: i}]}}]}]`)
	}
	const limit, at = `scaleSpec: {containerConcurrency: 2}, `, `error: spec.predictors[0].componentSpecs[1].scaleSpec.containerConcurrency: `
	for _, test := range []struct {
		name, spec  string
		noActivator bool
		want        string
	}{
		{"the executor", limited(``, limit, ``), true, ``},
		{"the activator", limited(``, ``, limit), false, ``},
		{"no activator", limited(``, ``, limit), true,
			at + `of a component in a pod of its own needs the activator, since no executor stands before it, and none is installed: take it out, or install it (docs/scaling.md)`},
		{"encrypted", limited(`ssl: {certSecretName: s},`, ``, limit), false,
			at + `of a component in a pod of its own excludes ssl of the predictor: its requests do not pass the activator then, and nothing else keeps the limit; take it out, or let the ingress have the certificate`},
	} {
		o := testRules()
		o.NoActivator = test.noActivator
		got := ""
		for _, p := range Validate(parse(t, test.spec), o) {
			got += p.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestWhatActivatorsCannotRead: requests that the executor encrypts for a component in a
// pod of its own pass no activator; those to a component beside the executor are no
// matter of activators.
func TestWhatActivatorsCannotRead(t *testing.T) {
	with := func(spec, first, second string) string {
		return braced(spec + ` predictors: [{name: p, graph: {name: m, type: TRANSFORMER, endpoint: {tls: true}, children: [{name: k, type: MODEL, endpoint: {tls: true}}]}, componentSpecs: [
			{` + first + `spec: {containers: [{name: m, image: i}]}}, {` + second + `spec: {containers: [{name: k, image: i}]}}]}]`)
	}
	const sleeps, limit, component = `scaleSpec: {minReplicas: 0}, `, `scaleSpec: {containerConcurrency: 2}, `, `error: spec.predictors[0].componentSpecs`
	const why = `excludes endpoint.tls of node %s: the activator cannot read requests that are encrypted for its container`
	zero := func(node string) string {
		return `.scaleSpec.minReplicas: 0 ` + fmt.Sprintf(why, node) + `; write 1, or take tls out`
	}
	check(t, []validateCase{
		{"beside the executor", with(``, sleeps, ``), nil},
		{"one pod at least", with(``, ``, `scaleSpec: {minReplicas: 1}, `), nil},
		{"at zero", with(``, ``, sleeps), []string{component + `[1]` + zero("k")}},
		{"a limit", with(``, ``, limit), []string{
			component + `[1].scaleSpec.containerConcurrency: of a component in a pod of its own ` + fmt.Sprintf(why, "k") + `, and nothing else keeps the limit; take one of them out`,
		}},
		{"an executor of its own", with(`annotations: {seldon.io/engine-separate-pod: "true"},`, sleeps, ``), []string{component + `[0]` + zero("m")}},
	})
}

// TestScalingByAnnotations: what users of Knative write means the same, the
// nearest counts, and the field counts before all.
func TestScalingByAnnotations(t *testing.T) {
	d := parse(t, "metadata: {name: d}\nspec: "+braced(`annotations: {autoscaling.knative.dev/target: "5", autoscaling.knative.dev/window: 40s, autoscaling.knative.dev/min-scale: "2"},
		predictors: [{name: p, annotations: {autoscaling.knative.dev/target: "3", autoscaling.knative.dev/maxScale: "7"}, graph: {name: m, type: MODEL},
		componentSpecs: [{spec: {containers: [{name: m, image: i}]}, metadata: {annotations: {autoscaling.knative.dev/target-utilization-percentage: "70.0"}},
		scaleSpec: {minReplicas: 1}}]}]`))
	got, ok := d.Scaling(&d.Spec.Predictors[0], 0)
	want := scaling.Policy{
		Metric: scaling.Concurrency, Target: 3 * 0.7, MinReplicas: 1, MaxReplicas: 7, InitialReplicas: 1, ActivationReplicas: 1,
		Window: scaling.Duration{Duration: 40 * time.Second}, PanicWindow: scaling.Duration{Duration: 4 * time.Second}, PanicThreshold: 2,
		GracePeriod: scaling.Duration{Duration: 30 * time.Second},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })); !ok || diff != "" {
		t.Error(ok, diff)
	}
	annotated := func(annotations string) string {
		return braced(`annotations: {` + annotations + `}, predictors: [{name: p, graph: {name: m, type: MODEL}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]}]`)
	}
	check(t, []validateCase{
		{"wrong values", annotated(`autoscaling.knative.dev/min-scale: "4", autoscaling.knative.dev/max-scale: "3", autoscaling.knative.dev/target: many`), []string{
			`error: spec.annotations[autoscaling.knative.dev/target]: "many" is not a number`,
			`error: spec.annotations[autoscaling.knative.dev/min-scale]: minReplicas 4 is above maxReplicas 3`,
		}},
		{"misspelt", annotated(`autoscaling.knative.dev/targt: "4"`), []string{
			`warning: spec.annotations[autoscaling.knative.dev/targt]: nothing reads the annotation autoscaling.knative.dev/targt; did you mean target?`,
		}},
		{"another autoscaler", annotated(`autoscaling.knative.dev/class: hpa.autoscaling.knative.dev, autoscaling.knative.dev/target: "4"`), []string{
			`warning: spec.annotations[autoscaling.knative.dev/class]: "hpa.autoscaling.knative.dev" scales nothing here, so that the others beside it are not read; write hpaSpec or kedaSpec, or leave it out`,
		}},
	})
	server := braced(`annotations: {autoscaling.knative.dev/min-scale: "-4"}, predictors: [{name: p, graph: {name: m, implementation: SKLEARN_SERVER, modelUri: s3://b/m}}]`)
	check(t, []validateCase{{"of a server without a component", server, []string{
		`error: spec.annotations[autoscaling.knative.dev/min-scale]: -4 is negative; write 0 or more`,
	}}})
}

func braced(spec string) string { return `{` + spec + `}` }
