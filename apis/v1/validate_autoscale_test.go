package v1

import "testing"

func TestValidateAutoscale(t *testing.T) {
	scaled := func(scaling string) string {
		return withComponents(`[{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 1}}}]}, ` + scaling + `}]`)
	}
	const component = `spec.predictors[0].componentSpecs[0].`
	check(t, []validateCase{
		{"right", scaled(`hpaSpec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 10}}]}`), nil},
		{"right, new shape", scaled(`hpaSpec: {maxReplicas: 3, metricsv2: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 10}}}]}`), nil},
		{"counts", scaled(`hpaSpec: {minReplicas: 4, maxReplicas: 3}`), []string{
			`error: ` + component + `hpaSpec.minReplicas: minReplicas 4 is above maxReplicas 3`,
		}},
		{"no maximum", scaled(`replicas: 2, hpaSpec: {minReplicas: -1}`), []string{
			`error: ` + component + `hpaSpec.maxReplicas: maxReplicas must be at least 1`,
			`error: ` + component + `hpaSpec.minReplicas: -1 is negative; write 0 or more`,
			`warning: ` + component + `replicas: is ignored, since the number of replicas is scaled automatically`,
		}},
		{"both shapes", scaled(`hpaSpec: {maxReplicas: 3, metrics: [{type: Pods, pods: {metricName: x, targetAverageValue: 1}}],
			metricsv2: [{type: Pods, pods: {metric: {name: x}, target: {type: AverageValue, averageValue: 1}}}]}`), []string{
			`warning: ` + component + `hpaSpec.metricsv2: is ignored beside metrics`,
		}},
		{"old shape", scaled(`hpaSpec: {maxReplicas: 3, metrics: [
			{type: Resource, pods: {metricName: x, targetAverageValue: 1}}, {type: resource, resource: {name: cpu, targetAverageUtilization: 1}}, {},
			{type: Resource, resource: {name: cpu}}, {type: ContainerResource}, {type: ContainerResource, containerResource: {name: cpu}},
			{type: Pods, pods: {}}, {type: Object, object: {metricName: x}}, {type: External, external: {metricName: x}}]}`), []string{
			`error: ` + component + `hpaSpec.metrics[0].resource: is missing: a metric of type Resource needs it`,
			`error: ` + component + `hpaSpec.metrics[1].type: Invalid metric type "resource"; use Resource, Pods, Object, External or ContainerResource (did you mean Resource?)`,
			`error: ` + component + `hpaSpec.metrics[2].type: the metric has no type; use Resource, Pods, Object, External or ContainerResource`,
			`error: ` + component + `hpaSpec.metrics[3].resource: the metric has no target; give targetAverageUtilization or targetAverageValue, above 0 (or write the metric under metricsv2, which takes target)`,
			`error: ` + component + `hpaSpec.metrics[4].containerResource: is missing: a metric of type ContainerResource needs it`,
			`error: ` + component + `hpaSpec.metrics[5].containerResource.container: is missing`,
			`error: ` + component + `hpaSpec.metrics[5].containerResource: the metric has no target; give targetAverageUtilization or targetAverageValue, above 0 (or write the metric under metricsv2, which takes target)`,
			`error: ` + component + `hpaSpec.metrics[6].pods.metricName: is missing`,
			`error: ` + component + `hpaSpec.metrics[6].pods: the metric has no target; give targetAverageValue, above 0 (or write the metric under metricsv2, which takes target)`,
			`error: ` + component + `hpaSpec.metrics[7].object.target.kind: is missing`,
			`error: ` + component + `hpaSpec.metrics[7].object.target.name: is missing`,
			`error: ` + component + `hpaSpec.metrics[7].object: the metric has no target; give targetValue or averageValue, above 0 (or write the metric under metricsv2, which takes target)`,
			`error: ` + component + `hpaSpec.metrics[8].external: the metric has no target; give targetValue or targetAverageValue, above 0 (or write the metric under metricsv2, which takes target)`,
		}},
		{"new shape", scaled(`hpaSpec: {maxReplicas: 3, metricsv2: [
			{type: Resource, resource: {name: cpu, target: {type: Utilisation, averageUtilization: 1}}}, {type: External, external: {metric: {name: x}, target: {type: Value}}},
			{type: Object, object: {}}, {type: ContainerResource, containerResource: {target: {type: AverageValue, averageValue: 1}}}]}`), []string{
			`error: ` + component + `hpaSpec.metricsv2[0].resource.target.type: Invalid target type "Utilisation"; use Utilization, Value or AverageValue (did you mean Utilization?)`,
			`error: ` + component + `hpaSpec.metricsv2[1].external.target: the metric has no target; give value or averageValue`,
			`error: ` + component + `hpaSpec.metricsv2[2].object.metric.name: is missing`,
			`error: ` + component + `hpaSpec.metricsv2[2].object.describedObject.kind: is missing`,
			`error: ` + component + `hpaSpec.metricsv2[2].object.describedObject.name: is missing`,
			`error: ` + component + `hpaSpec.metricsv2[2].object.target.type: Invalid target type ""; use Utilization, Value or AverageValue`,
			`error: ` + component + `hpaSpec.metricsv2[3].containerResource.name: is missing`,
			`error: ` + component + `hpaSpec.metricsv2[3].containerResource.container: is missing`,
		}},
		{"keda", scaled(`hpaSpec: {maxReplicas: 1}, kedaSpec: {minReplicaCount: 5, maxReplicaCount: 2, triggers: []}`), []string{
			`warning: ` + component + `hpaSpec: is ignored where KEDA is on, since kedaSpec counts there`,
			`error: ` + component + `kedaSpec.triggers: KEDA needs at least one trigger`,
			`error: ` + component + `kedaSpec.minReplicaCount: minReplicaCount 5 is above maxReplicaCount 2`,
		}},
		{"disruption", scaled(`pdbSpec: {minAvailable: 1, maxUnavailable: 50%}`), []string{
			`error: ` + component + `pdbSpec: minAvailable and maxUnavailable exclude each other; give one of them`,
		}},
		{"targets", scaled(`hpaSpec: {maxReplicas: 3, metricsv2: [
			{type: Resource, resource: {name: cpu, target: {type: Value, value: 1}}},
			{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0}}},
			{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 1, averageValue: 1}}},
			{type: Resource, resource: {name: cpu, target: {type: Utilization, averageValue: 1}}},
			{type: Pods, pods: {metric: {name: x}, target: {type: Utilization, averageUtilization: 1}}},
			{type: Pods, pods: {metric: {name: x}, target: {type: Utilization, averageValue: 1}}},
			{type: External, external: {metric: {name: x}, target: {type: Utilization, value: 1}}},
			{type: External, external: {metric: {name: x}, target: {type: AverageValue, value: 1}}}]}`), []string{
			`error: ` + component + `hpaSpec.metricsv2[0].resource.target: the metric has no target; give averageUtilization or averageValue`,
			`error: ` + component + `hpaSpec.metricsv2[1].resource.target.averageUtilization: a target is above 0`,
			`error: ` + component + `hpaSpec.metricsv2[2].resource.target: averageUtilization or averageValue exclude each other; give one of them`,
			`error: ` + component + `hpaSpec.metricsv2[4].pods.target: the metric has no target; give averageValue`,
			`warning: ` + component + `hpaSpec.metricsv2[6].external.target.type: with type Utilization the autoscaler does not heed this target; write Value beside value, AverageValue beside averageValue`,
			`warning: ` + component + `hpaSpec.metricsv2[7].external.target.type: with type AverageValue the autoscaler does not heed this target; write Value beside value, AverageValue beside averageValue`,
		}},
		{"no pods, no metric that knows", scaled(`hpaSpec: {minReplicas: 0, maxReplicas: 3}`), []string{
			`error: ` + component + `hpaSpec.minReplicas: 0 is refused beside metrics of pods that are not there: write 1, or add a metric of type Object or External`,
		}},
		{"no pods, metrics of pods", scaled(`hpaSpec: {minReplicas: 0, maxReplicas: 3, metrics: [{type: Pods, pods: {metricName: x, targetAverageValue: 1}},
			{type: Resource, resource: {name: cpu, targetAverageValue: 1}}]}`), []string{
			`error: ` + component + `hpaSpec.minReplicas: 0 is refused beside metrics of pods that are not there: write 1, or add a metric of type Object or External`,
		}},
		{"no pods, a metric that knows", scaled(`hpaSpec: {minReplicas: 0, maxReplicas: 3, metrics: [{type: External, external: {metricName: x, targetValue: 1}}]}`), []string{
			`warning: ` + component + `hpaSpec.minReplicas: 0 is refused by Kubernetes before 1.37, unless its feature HPAScaleToZero is on`,
		}},
		{"a count of 0", `{replicas: 0, predictors: [{name: p, graph: {name: m}, componentSpecs: [
			{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 1}}}]}, hpaSpec: {maxReplicas: 2}}]}]}`, []string{
			`warning: spec.replicas: 0 beside hpaSpec: what is scaled automatically does not stay without pods; to serve nothing, take hpaSpec out as well`,
		}},
		{"a predictor's count of 0", `{replicas: 0, predictors: [{name: p, replicas: 0, graph: {name: m}, componentSpecs: [
			{spec: {containers: [{name: m, image: i}]}, kedaSpec: {triggers: [{type: kafka, metadata: {}}]}}]}]}`, []string{
			`warning: spec.predictors[0].replicas: 0 beside kedaSpec: what is scaled automatically does not stay without pods; to serve nothing, take kedaSpec out as well`,
		}},
	})
}

func TestValidateKEDA(t *testing.T) {
	const component = `spec.predictors[0].componentSpecs[0].`
	scaled := func(keda string) string {
		return withComponents(`[{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 1}}}]}, kedaSpec: {` + keda + `}}]`)
	}
	check(t, []validateCase{
		{"right", scaled(`idleReplicaCount: 0, minReplicaCount: 1, triggers: [{type: kafka, metadata: {}}, {type: cpu, metadata: {value: "50"}}]`), nil},
		{"right, no bounds", scaled(`triggers: [{type: cpu, metadata: {value: "50"}}]`), nil},
		{"idle above 0", scaled(`idleReplicaCount: 1, minReplicaCount: 2, triggers: [{type: kafka, metadata: {}}]`), []string{
			`error: ` + component + `kedaSpec.idleReplicaCount: 1: only 0 works, since the autoscaler brings any other number to minReplicaCount again; write 0, or leave it out`,
		}},
		{"idle not below the least", scaled(`idleReplicaCount: 0, triggers: [{type: kafka, metadata: {}}]`), []string{
			`error: ` + component + `kedaSpec.idleReplicaCount: 0 is not below minReplicaCount 0, so KEDA refuses it; leave it out, or write minReplicaCount: 1`,
		}},
		{"to zero by what pods use", scaled(`minReplicaCount: 0, triggers: [{type: cpu, metadata: {value: "50"}}]`), []string{
			`warning: ` + component + `kedaSpec.minReplicaCount: triggers cpu and memory alone never lead to 0 pods, since nothing could tell when to start one again; add a trigger that is read elsewhere`,
		}},
		{"idle by what pods use", scaled(`idleReplicaCount: 0, minReplicaCount: 1, triggers: [{type: cpu, metadata: {value: "50"}}]`), []string{
			`warning: ` + component + `kedaSpec.idleReplicaCount: triggers cpu and memory alone never lead to 0 pods, since nothing could tell when to start one again; add a trigger that is read elsewhere`,
		}},
		{"unknown trigger", scaled(`triggers: [{type: promethues, metadata: {}}, {metadata: {}}]`), []string{
			`warning: ` + component + `kedaSpec.triggers[0].type: nothing is known of the trigger "promethues", and KEDA refuses all of a ScaledObject with an unknown one; did you mean prometheus?`,
			`error: ` + component + `kedaSpec.triggers[1].type: is missing`,
		}},
		{"no room", scaled(`maxReplicaCount: 0, triggers: [{type: kafka, metadata: {}}]`), []string{
			`error: ` + component + `kedaSpec.maxReplicaCount: maxReplicaCount must be at least 1`,
		}},
		{"above the usual most", scaled(`minReplicaCount: 200, triggers: [{type: kafka, metadata: {}}]`), []string{
			`error: ` + component + `kedaSpec.minReplicaCount: minReplicaCount 200 is above maxReplicaCount 100`,
		}},
	})
}

// TestValidateLoads: metrics of what pods use that are never known, or never
// reached.
func TestValidateLoads(t *testing.T) {
	const at = `spec.predictors[0].componentSpecs[0].`
	missing := func(path, container, resource string) string {
		return `warning: ` + at + path + `: the container "` + container + `" requests no ` + resource + `, so that its share is not known and the autoscaler does nothing ` +
			`(missing request for ` + resource + ` in container ` + container + `): give it resources.requests.` + resource
	}
	hpa := func(containers, metrics string) string {
		return withComponents(`[{spec: {containers: [` + containers + `]}, hpaSpec: {maxReplicas: 3` + metrics + `}}]`)
	}
	const (
		half    = `, metricsv2: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]`
		bounded = `{name: m, image: i, resources: {requests: {cpu: 100m}, limits: {cpu: 100m}}}`
	)
	check(t, []validateCase{
		{"no metrics", hpa(`{name: m, image: i}`, ``), []string{missing("hpaSpec", "m", "cpu")}},
		{"a container aside", hpa(bounded+`, {name: aside, image: i}`, half), []string{missing("hpaSpec.metricsv2[0].resource", "aside", "cpu")}},
		{"the old shape", hpa(`{name: m, image: i}`, `, metrics: [{type: Resource, resource: {name: memory, targetAverageUtilization: 1}}]`), []string{
			missing("hpaSpec.metrics[0].resource", "m", "memory")}},
		{"a limit counts as a request", hpa(`{name: m, image: i, resources: {limits: {cpu: 4}}}`, half), nil},
		{"an amount needs no request", hpa(`{name: m, image: i}`, `, metrics: [{type: Resource, resource: {name: cpu, targetAverageValue: 1}}]`), nil},
		{"the executor", `{predictors: [{name: p, svcOrchSpec: {resources: {requests: {memory: 1Gi}}}, graph: {name: m}, componentSpecs: [
			{spec: {containers: [` + bounded + `]}, hpaSpec: {maxReplicas: 2}}]}]}`, []string{missing("hpaSpec", "seldon-container-engine", "cpu")}},
		{"no executor", `{predictors: [{name: p, annotations: {seldon.io/no-engine: "true"}, svcOrchSpec: {resources: {}}, graph: {name: m}, componentSpecs: [
			{spec: {containers: [` + bounded + `]}, hpaSpec: {maxReplicas: 2}}]}]}`, nil},
		{"a server that is added", `{predictors: [{name: p, graph: {name: s, implementation: SKLEARN_SERVER, modelUri: "gs://m"}, componentSpecs: [
			{spec: {containers: []}, hpaSpec: {maxReplicas: 2}}]}]}`, []string{missing("hpaSpec", "s", "cpu")}},
		{"settings of a former container", `{predictors: [{name: p, graph: {name: s, implementation: TENSORFLOW_SERVER, modelUri: "gs://m"}, componentSpecs: [
			{spec: {containers: [{name: tfserving, resources: {requests: {cpu: 1}}}]}, hpaSpec: {maxReplicas: 2}}]}]}`, nil},
		{"out of reach", hpa(bounded, half), []string{
			`warning: ` + at + `hpaSpec.metricsv2[0].resource: 300m cpu of a pod is when to scale, and the components' limits allow 100m: they are never scaled; ` +
				`the executor's request counts as well, so write a metric of type ContainerResource, or less in svcOrchSpec.resources`}},
		{"one container, within reach", hpa(bounded, `, metricsv2: [{type: ContainerResource, containerResource: {name: cpu, container: m, target: {type: Utilization, averageUtilization: 80}}}]`), nil},
		{"one container, out of reach", hpa(bounded, `, metricsv2: [{type: ContainerResource, containerResource: {name: cpu, container: m, target: {type: AverageValue, averageValue: 2}}}]`), []string{
			`warning: ` + at + `hpaSpec.metricsv2[0].containerResource: 2 cpu of a pod is when to scale, and the components' limits allow 100m: they are never scaled`}},
		{"another container", hpa(bounded, `, metricsv2: [{type: ContainerResource, containerResource: {name: cpu, container: mm, target: {type: Utilization, averageUtilization: 80}}}]`), []string{
			`warning: ` + at + `hpaSpec.metricsv2[0].containerResource: the pod has no container "mm", so that this is never measured`}},
		{"what nobody measures", hpa(bounded, `, metrics: [{type: Resource, resource: {name: nvidia.com/gpu, targetAverageUtilization: 80}}]`), []string{
			`warning: ` + at + `hpaSpec.metrics[0].resource.name: only cpu and memory are measured, so that an autoscaler gets no value of "nvidia.com/gpu"`}},
		{"memory out of reach", hpa(`{name: m, image: i, resources: {limits: {memory: 100Mi}}}`, `, metrics: [{type: Resource, resource: {name: memory, targetAverageUtilization: 80}}]`), []string{
			`warning: ` + at + `hpaSpec.metrics[0].resource: 490Mi memory of a pod is when to scale, and the components' limits allow 100Mi: they are never scaled; ` +
				`the executor's request counts as well, so write a metric of type ContainerResource, or less in svcOrchSpec.resources`}},
		{"KEDA", withComponents(`[{spec: {containers: [{name: m, image: i}]}, kedaSpec: {triggers: [{type: memory, metadata: {type: Utilization, value: "50"}}]}}]`), []string{
			missing("kedaSpec.triggers[0]", "m", "memory")}},
		{"KEDA, an amount", withComponents(`[{spec: {containers: [{name: m, image: i}]}, kedaSpec: {triggers: [{type: memory, metricType: AverageValue, metadata: {value: "50Mi"}}]}}]`), nil},
	})
}
