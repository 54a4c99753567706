package v1

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

func metricTypes() []string {
	return []string{
		string(autoscalingv2.ResourceMetricSourceType), string(autoscalingv2.PodsMetricSourceType),
		string(autoscalingv2.ObjectMetricSourceType), string(autoscalingv2.ExternalMetricSourceType),
		string(autoscalingv2.ContainerResourceMetricSourceType),
	}
}

func (v *validator) autoscale(path string, c *SeldonPodSpec) {
	if c.HPASpec != nil {
		v.hpa(path+".hpaSpec", c.HPASpec)
		if c.KEDASpec != nil {
			v.warnf(path+".hpaSpec", "is ignored where KEDA is on, since kedaSpec counts there")
		}
	}
	if c.KEDASpec != nil {
		v.keda(path+".kedaSpec", c.KEDASpec)
	}
	if b := c.PDBSpec; b != nil && b.MinAvailable != nil && b.MaxUnavailable != nil {
		v.errorf(path+".pdbSpec", "minAvailable and maxUnavailable exclude each other; give one of them")
	}
	switch {
	case c.Replicas == nil:
	case c.HPASpec != nil:
		v.warnf(path+".replicas", "is ignored, since the number of replicas is scaled automatically")
	case c.KEDASpec != nil:
		v.warnf(path+".replicas", "is ignored where KEDA is on, since kedaSpec scales there")
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
		v.errorf(path+".type", "the metric has no type; use %s", listed(metricTypes()))
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
		v.oldTarget(path+".resource", s.TargetAverageUtilization == nil && s.TargetAverageValue == nil,
			"targetAverageUtilization or targetAverageValue")
	}
	if s := m.ContainerResource; s != nil {
		v.required(path+".containerResource.name", s.Name)
		v.required(path+".containerResource.container", s.Container)
		v.oldTarget(path+".containerResource", s.TargetAverageUtilization == nil && s.TargetAverageValue == nil,
			"targetAverageUtilization or targetAverageValue")
	}
	if s := m.Pods; s != nil {
		v.required(path+".pods.metricName", s.MetricName)
		v.oldTarget(path+".pods", s.TargetAverageValue.IsZero(), "targetAverageValue")
	}
	if s := m.Object; s != nil {
		v.required(path+".object.metricName", s.MetricName)
		v.required(path+".object.target.kind", s.Target.Kind)
		v.required(path+".object.target.name", s.Target.Name)
		v.oldTarget(path+".object", s.TargetValue.IsZero() && s.AverageValue == nil, "targetValue or averageValue")
	}
	if s := m.External; s != nil {
		v.required(path+".external.metricName", s.MetricName)
		v.oldTarget(path+".external", s.TargetValue == nil && s.TargetAverageValue == nil, "targetValue or targetAverageValue")
	}
}

// newMetric checks a metric in the shape of autoscaling/v2.
func (v *validator) newMetric(path string, m *autoscalingv2.MetricSpec) {
	v.source(path, m.Type, map[autoscalingv2.MetricSourceType]bool{
		autoscalingv2.ResourceMetricSourceType:          m.Resource != nil,
		autoscalingv2.ContainerResourceMetricSourceType: m.ContainerResource != nil,
		autoscalingv2.PodsMetricSourceType:              m.Pods != nil,
		autoscalingv2.ObjectMetricSourceType:            m.Object != nil,
		autoscalingv2.ExternalMetricSourceType:          m.External != nil,
	})
	if s := m.Resource; s != nil {
		v.required(path+".resource.name", string(s.Name))
		v.newTarget(path+".resource.target", &s.Target)
	}
	if s := m.ContainerResource; s != nil {
		v.required(path+".containerResource.name", string(s.Name))
		v.required(path+".containerResource.container", s.Container)
		v.newTarget(path+".containerResource.target", &s.Target)
	}
	if s := m.Pods; s != nil {
		v.required(path+".pods.metric.name", s.Metric.Name)
		v.newTarget(path+".pods.target", &s.Target)
	}
	if s := m.Object; s != nil {
		v.required(path+".object.metric.name", s.Metric.Name)
		v.newTarget(path+".object.target", &s.Target)
	}
	if s := m.External; s != nil {
		v.required(path+".external.metric.name", s.Metric.Name)
		v.newTarget(path+".external.target", &s.Target)
	}
}

func (v *validator) newTarget(path string, t *autoscalingv2.MetricTarget) {
	needs := map[autoscalingv2.MetricTargetType]struct {
		field   string
		missing bool
	}{
		autoscalingv2.UtilizationMetricType:  {"averageUtilization", t.AverageUtilization == nil},
		autoscalingv2.ValueMetricType:        {"value", t.Value == nil},
		autoscalingv2.AverageValueMetricType: {"averageValue", t.AverageValue == nil},
	}
	need, ok := needs[t.Type]
	switch {
	case !ok:
		v.errorf(path+".type", "Invalid target type %q%s", t.Type, oneOf(string(t.Type), []string{
			string(autoscalingv2.UtilizationMetricType), string(autoscalingv2.ValueMetricType),
			string(autoscalingv2.AverageValueMetricType),
		}))
	default:
		v.target(path, need.missing, need.field)
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
	v.target(path, missing, fields+" (or write the metric under metricsv2, which takes target)")
}

func (v *validator) keda(path string, k *KEDASpec) {
	if len(k.Triggers) == 0 {
		v.errorf(path+".triggers", "KEDA needs at least one trigger")
	}
	for i := range k.Triggers {
		v.required(fmt.Sprintf("%s.triggers[%d].type", path, i), k.Triggers[i].Type)
	}
	if k.MinReplicaCount != nil && k.MaxReplicaCount != nil && *k.MinReplicaCount > *k.MaxReplicaCount {
		v.errorf(path+".minReplicaCount", "minReplicaCount %d is above maxReplicaCount %d", *k.MinReplicaCount, *k.MaxReplicaCount)
	}
	v.count(path+".minReplicaCount", k.MinReplicaCount)
	v.count(path+".maxReplicaCount", k.MaxReplicaCount)
	v.count(path+".idleReplicaCount", k.IdleReplicaCount)
}
