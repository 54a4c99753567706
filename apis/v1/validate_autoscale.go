package v1

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/prime-radiant/radiant/wording"
)

func metricTypes() []string {
	return []string{
		string(autoscalingv2.ResourceMetricSourceType), string(autoscalingv2.PodsMetricSourceType),
		string(autoscalingv2.ObjectMetricSourceType), string(autoscalingv2.ExternalMetricSourceType),
		string(autoscalingv2.ContainerResourceMetricSourceType),
	}
}

// autoscale checks what scales p.ComponentSpecs[i].
func (v *validator) autoscale(predictorPath string, p *PredictorSpec, i int) {
	c, path := &p.ComponentSpecs[i], fmt.Sprintf("%s.componentSpecs[%d]", predictorPath, i)
	if c.HPASpec != nil {
		v.hpa(path+".hpaSpec", c.HPASpec)
		v.loads(path+".hpaSpec", hpaLoads(c.HPASpec), v.scaledPod(p, i))
		if c.KEDASpec != nil {
			v.warnf(path+".hpaSpec", "is ignored where KEDA is on, since kedaSpec counts there")
		}
	}
	if c.KEDASpec != nil {
		v.keda(path+".kedaSpec", c.KEDASpec)
		v.loads(path+".kedaSpec", kedaLoads(c.KEDASpec), v.scaledPod(p, i))
	}
	v.scaledFromZero(predictorPath, p, c)
	if b := c.PDBSpec; b != nil && b.MinAvailable != nil && b.MaxUnavailable != nil {
		v.errorf(path+".pdbSpec", "minAvailable and maxUnavailable exclude each other; give one of them")
	}
	switch {
	case c.Replicas == nil:
	case c.HPASpec != nil || v.deployment.scaleSpec(predictorPath, p, i) != nil:
		v.warnf(path+".replicas", "is ignored, since the number of replicas is scaled automatically")
	case c.KEDASpec != nil:
		v.warnf(path+".replicas", "is ignored where KEDA is on, since kedaSpec scales there")
	}
}

// scaledFromZero warns of replicas: 0 beside an autoscaler, which does not take
// it for a wish to serve nothing, or a Deployment at 0 for its own to scale.
func (v *validator) scaledFromZero(predictorPath string, p *PredictorSpec, c *SeldonPodSpec) {
	by := "hpaSpec"
	switch {
	case c.ScaleSpec != nil:
		by = "scaleSpec"
	case c.KEDASpec != nil:
		by = "kedaSpec"
	case c.HPASpec == nil:
		return
	}
	isZero := func(n *int32) bool { return n != nil && *n == 0 }
	switch {
	case isZero(p.Replicas):
		v.warnf(predictorPath+".replicas", "0 beside %s: what is scaled automatically does not stay without pods; "+
			"to serve nothing, take %[1]s out as well", by)
	case p.Replicas == nil && isZero(v.deployment.Spec.Replicas):
		v.warnf("spec.replicas", "0 beside %s: what is scaled automatically does not stay without pods; "+
			"to serve nothing, take %[1]s out as well", by)
	}
}

func (v *validator) hpa(path string, h *HPASpec) {
	if h.MaxReplicas < 1 {
		v.errorf(path+".maxReplicas", "maxReplicas must be at least 1")
	}
	if n := h.MinReplicas; n != nil {
		switch {
		case *n < 0:
			v.errorf(path+".minReplicas", "%d is negative; write 0 or more", *n)
		case *n > h.MaxReplicas:
			v.errorf(path+".minReplicas", "minReplicas %d is above maxReplicas %d", *n, h.MaxReplicas)
		case *n == 0 && !h.wakes():
			v.errorf(path+".minReplicas", "0 is refused beside metrics of pods that are not there: write 1, or add a metric of type Object or External")
		case *n == 0:
			v.warnf(path+".minReplicas", "0 is refused by Kubernetes before 1.37, unless its feature HPAScaleToZero is on")
		}
	}
	if len(h.Metrics) > 0 && len(h.Metricsv2) > 0 {
		v.warnf(path+".metricsv2", "is ignored beside metrics")
	}
	for i := range h.Metrics {
		v.oldMetric(fmt.Sprintf("%s.metrics[%d]", path, i), &h.Metrics[i])
	}
	for i := range h.Metricsv2 {
		v.newMetric(fmt.Sprintf("%s.metricsv2[%d]", path, i), &h.Metricsv2[i])
	}
}

// source checks that a metric has the part that its type asks for, and
// reports whether it has.
func (v *validator) source(path string, t autoscalingv2.MetricSourceType, has map[autoscalingv2.MetricSourceType]bool) {
	known, ok := has[t]
	switch {
	case t == "":
		v.errorf(path+".type", "the metric has no type; use %s", wording.Listed(metricTypes()))
	case !ok:
		v.enum(path+".type", "metric type", string(t), metricTypes())
	case !known:
		field := string(t[0]|0x20) + string(t[1:])
		v.errorf(path+"."+field, "is missing: a metric of type %s needs it", t)
	}
}

// oldMetric checks a metric in the shape of autoscaling/v2beta1.
func (v *validator) oldMetric(path string, m *V2beta1MetricSpec) {
	v.source(path, m.Type, map[autoscalingv2.MetricSourceType]bool{
		autoscalingv2.ResourceMetricSourceType:          m.Resource != nil,
		autoscalingv2.ContainerResourceMetricSourceType: m.ContainerResource != nil,
		autoscalingv2.PodsMetricSourceType:              m.Pods != nil,
		autoscalingv2.ObjectMetricSourceType:            m.Object != nil,
		autoscalingv2.ExternalMetricSourceType:          m.External != nil,
	})
	if s := m.Resource; s != nil {
		v.required(path+".resource.name", s.Name)
		v.oldTarget(path+".resource", isMissing(s.TargetAverageUtilization) && isNone(s.TargetAverageValue),
			"targetAverageUtilization or targetAverageValue")
	}
	if s := m.ContainerResource; s != nil {
		v.required(path+".containerResource.name", s.Name)
		v.required(path+".containerResource.container", s.Container)
		v.oldTarget(path+".containerResource", isMissing(s.TargetAverageUtilization) && isNone(s.TargetAverageValue),
			"targetAverageUtilization or targetAverageValue")
	}
	if s := m.Pods; s != nil {
		v.required(path+".pods.metricName", s.MetricName)
		v.oldTarget(path+".pods", isNone(&s.TargetAverageValue), "targetAverageValue")
	}
	if s := m.Object; s != nil {
		v.required(path+".object.metricName", s.MetricName)
		v.required(path+".object.target.kind", s.Target.Kind)
		v.required(path+".object.target.name", s.Target.Name)
		v.oldTarget(path+".object", isNone(&s.TargetValue) && isNone(s.AverageValue), "targetValue or averageValue")
	}
	if s := m.External; s != nil {
		v.required(path+".external.metricName", s.MetricName)
		v.oldTarget(path+".external", isNone(s.TargetValue) && isNone(s.TargetAverageValue), "targetValue or targetAverageValue")
	}
}

// newMetric checks a metric in the shape of autoscaling/v2 by the rules of the
// API server.
func (v *validator) newMetric(path string, m *autoscalingv2.MetricSpec) {
	v.source(path, m.Type, map[autoscalingv2.MetricSourceType]bool{
		autoscalingv2.ResourceMetricSourceType:          m.Resource != nil,
		autoscalingv2.ContainerResourceMetricSourceType: m.ContainerResource != nil,
		autoscalingv2.PodsMetricSourceType:              m.Pods != nil,
		autoscalingv2.ObjectMetricSourceType:            m.Object != nil,
		autoscalingv2.ExternalMetricSourceType:          m.External != nil,
	})
	const utilization, average, value = "averageUtilization", "averageValue", "value"
	if s := m.Resource; s != nil {
		v.required(path+".resource.name", string(s.Name))
		v.newTarget(path+".resource.target", &s.Target, utilization, average)
	}
	if s := m.ContainerResource; s != nil {
		v.required(path+".containerResource.name", string(s.Name))
		v.required(path+".containerResource.container", s.Container)
		v.newTarget(path+".containerResource.target", &s.Target, utilization, average)
	}
	if s := m.Pods; s != nil {
		v.required(path+".pods.metric.name", s.Metric.Name)
		v.newTarget(path+".pods.target", &s.Target, average)
	}
	if s := m.Object; s != nil {
		v.required(path+".object.metric.name", s.Metric.Name)
		v.required(path+".object.describedObject.kind", s.DescribedObject.Kind)
		v.required(path+".object.describedObject.name", s.DescribedObject.Name)
		v.newTarget(path+".object.target", &s.Target, value, average)
		v.targetType(path+".object.target", &s.Target)
	}
	if s := m.External; s != nil {
		v.required(path+".external.metric.name", s.Metric.Name)
		v.newTarget(path+".external.target", &s.Target, value, average)
		v.targetType(path+".external.target", &s.Target)
	}
}

// newTarget requires one of the fields, above 0.
func (v *validator) newTarget(path string, t *autoscalingv2.MetricTarget, fields ...string) {
	types := []string{string(autoscalingv2.UtilizationMetricType), string(autoscalingv2.ValueMetricType), string(autoscalingv2.AverageValueMetricType)}
	if !slices.Contains(types, string(t.Type)) {
		v.errorf(path+".type", "Invalid target type %q%s", t.Type, wording.OneOf(string(t.Type), types))
		return
	}
	signs := map[string]*int{}
	if n := t.AverageUtilization; n != nil {
		signs["averageUtilization"] = new(cmp.Compare(*n, 0))
	}
	for field, q := range map[string]*resource.Quantity{"averageValue": t.AverageValue, "value": t.Value} {
		if q != nil {
			signs[field] = new(q.Sign())
		}
	}
	var given []string
	for _, field := range fields {
		if sign := signs[field]; sign != nil {
			given = append(given, field)
			if *sign <= 0 {
				v.errorf(path+"."+field, "a target is above 0")
			}
		}
	}
	v.target(path, len(given) == 0, strings.Join(fields, " or "))
	if len(given) > 1 {
		v.errorf(path, "%s exclude each other; give one of them", wording.Listed(given))
	}
}

// targetType warns of a target that the API server takes and no autoscaler
// heeds, since its type says that another field counts.
func (v *validator) targetType(path string, t *autoscalingv2.MetricTarget) {
	switch {
	case t.Type == autoscalingv2.UtilizationMetricType,
		t.Type == autoscalingv2.ValueMetricType && t.Value == nil && t.AverageValue != nil,
		t.Type == autoscalingv2.AverageValueMetricType && t.AverageValue == nil && t.Value != nil:
		v.warnf(path+".type", "with type %s the autoscaler does not heed this target; write Value beside value, AverageValue beside averageValue", t.Type)
	}
}

func (v *validator) required(path, value string) {
	if value == "" {
		v.errorf(path, "is missing")
	}
}

func (v *validator) target(path string, missing bool, fields string) {
	if missing {
		v.errorf(path, "the metric has no target; give %s", fields)
	}
}

func (v *validator) oldTarget(path string, missing bool, fields string) {
	v.target(path, missing, fields+", above 0 (or write the metric under metricsv2, which takes target)")
}

func isMissing(percent *int32) bool { return percent == nil || *percent <= 0 }

func isNone(q *resource.Quantity) bool { return q == nil || q.Sign() <= 0 }

// wakes reports whether some metric can be read without a pod.
func (h *HPASpec) wakes() bool {
	return slices.ContainsFunc(h.MetricsV2(), func(m autoscalingv2.MetricSpec) bool {
		return m.Type == autoscalingv2.ObjectMetricSourceType || m.Type == autoscalingv2.ExternalMetricSourceType
	})
}
