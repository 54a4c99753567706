package v1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// MetricsV2 returns the metrics in the shape of autoscaling/v2, whichever of
// the two shapes the user wrote. Where both are written the old one counts.
func (h *HPASpec) MetricsV2() []autoscalingv2.MetricSpec {
	if len(h.Metrics) == 0 {
		return h.Metricsv2
	}
	h = h.DeepCopy() // The result shares no quantity with the input.
	metrics := make([]autoscalingv2.MetricSpec, len(h.Metrics))
	for i := range h.Metrics {
		metrics[i] = h.Metrics[i].v2()
	}
	return metrics
}

func (m *V2beta1MetricSpec) v2() autoscalingv2.MetricSpec {
	out := autoscalingv2.MetricSpec{Type: m.Type}
	if s := m.Resource; s != nil {
		out.Resource = &autoscalingv2.ResourceMetricSource{
			Name:   corev1.ResourceName(s.Name),
			Target: utilization(s.TargetAverageUtilization, s.TargetAverageValue),
		}
	}
	if s := m.ContainerResource; s != nil {
		out.ContainerResource = &autoscalingv2.ContainerResourceMetricSource{
			Name:      corev1.ResourceName(s.Name),
			Container: s.Container,
			Target:    utilization(s.TargetAverageUtilization, s.TargetAverageValue),
		}
	}
	if s := m.Pods; s != nil {
		out.Pods = &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: s.MetricName, Selector: s.Selector},
			Target: averageValue(&s.TargetAverageValue),
		}
	}
	if s := m.Object; s != nil {
		out.Object = &autoscalingv2.ObjectMetricSource{
			DescribedObject: s.Target,
			Metric:          autoscalingv2.MetricIdentifier{Name: s.MetricName, Selector: s.Selector},
			Target:          valueOrAverage(&s.TargetValue, s.AverageValue, s.AverageValue == nil),
		}
	}
	if s := m.External; s != nil {
		out.External = &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: s.MetricName, Selector: s.MetricSelector},
			Target: valueOrAverage(s.TargetValue, s.TargetAverageValue, s.TargetValue != nil),
		}
	}
	return out
}

func utilization(percent *int32, average *resource.Quantity) autoscalingv2.MetricTarget {
	if average != nil {
		return averageValue(average)
	}
	return autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: percent}
}

func averageValue(q *resource.Quantity) autoscalingv2.MetricTarget {
	return autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: q}
}

// valueOrAverage sets one of the two, since autoscaling/v2 refuses both.
func valueOrAverage(value, average *resource.Quantity, useValue bool) autoscalingv2.MetricTarget {
	if useValue {
		return autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: value}
	}
	return averageValue(average)
}
