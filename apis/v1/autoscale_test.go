package v1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// TestMetricsV2 compares the old shape with the new one, both as users write
// them.
func TestMetricsV2(t *testing.T) {
	for _, c := range []struct{ name, old, v2 string }{
		{"resource by utilization",
			`{type: Resource, resource: {name: cpu, targetAverageUtilization: 10}}`,
			`{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 10}}}`},
		{"resource by value",
			`{type: Resource, resource: {name: memory, targetAverageValue: 1Gi, targetAverageUtilization: 3}}`,
			`{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}`},
		{"container resource",
			`{type: ContainerResource, containerResource: {name: cpu, container: c, targetAverageUtilization: 5}}`,
			`{type: ContainerResource, containerResource: {name: cpu, container: c, target: {type: Utilization, averageUtilization: 5}}}`},
		{"pods",
			`{type: Pods, pods: {metricName: rps, targetAverageValue: 500m, selector: {matchLabels: {a: b}}}}`,
			`{type: Pods, pods: {metric: {name: rps, selector: {matchLabels: {a: b}}}, target: {type: AverageValue, averageValue: 500m}}}`},
		{"object by value",
			`{type: Object, object: {target: {kind: Service, name: s, apiVersion: v1}, metricName: rps, targetValue: 7}}`,
			`{type: Object, object: {describedObject: {kind: Service, name: s, apiVersion: v1}, metric: {name: rps}, target: {type: Value, value: 7}}}`},
		{"object by average",
			`{type: Object, object: {target: {kind: Service, name: s}, metricName: rps, targetValue: 7, averageValue: 2}}`,
			`{type: Object, object: {describedObject: {kind: Service, name: s}, metric: {name: rps}, target: {type: AverageValue, averageValue: 2}}}`},
		{"external by value",
			`{type: External, external: {metricName: q, metricSelector: {matchLabels: {a: b}}, targetValue: 30}}`,
			`{type: External, external: {metric: {name: q, selector: {matchLabels: {a: b}}}, target: {type: Value, value: 30}}}`},
		{"external by average",
			`{type: External, external: {metricName: q, targetAverageValue: 30}}`,
			`{type: External, external: {metric: {name: q}, target: {type: AverageValue, averageValue: 30}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var old, v2 HPASpec
			if err := yaml.UnmarshalStrict([]byte("maxReplicas: 2\nmetrics: ["+c.old+"]"), &old); err != nil {
				t.Fatal(err)
			}
			if err := yaml.UnmarshalStrict([]byte("maxReplicas: 2\nmetricsv2: ["+c.v2+"]"), &v2); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v2.Metricsv2, old.MetricsV2()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(v2.Metricsv2, v2.MetricsV2()); diff != "" {
				t.Errorf("the new shape changed (-want +got):\n%s", diff)
			}
		})
	}
}
