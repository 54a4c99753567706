package v1

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
)

// ScalePrefix begins the annotations by which Knative and KServe are told how to
// scale.
const ScalePrefix = "autoscaling.knative.dev/"

// What a [ScaleSpec] says where it says nothing. They are Knative's, but for
// the utilization, which is 70 % there, the target of concurrency, which is
// 100, and the least pods, which are 0.
const (
	scaleTarget         = 1
	scaleUtilization    = 100
	scaleWindow         = time.Minute
	scalePanicWindow    = 10
	scalePanicThreshold = 200
	scaleGracePeriod    = 30 * time.Second
	// scaleBucket is the shortest window that can be told apart.
	scaleBucket = time.Second
)

// scaleField is a field of a ScaleSpec as an annotation sets it.
type scaleField struct {
	// name is the field's; names are the ends of the annotations' names.
	name  string
	names []string
	set   func(s *ScaleSpec, value string) (wanted string)
}

// scaleFields is the table of the annotations that mean a field.
func scaleFields() []scaleField {
	number := func(at func(*ScaleSpec) **int32) func(*ScaleSpec, string) string {
		return func(s *ScaleSpec, value string) string {
			n, err := strconv.ParseFloat(value, 64) // Knative writes percentages as 70.0 too.
			if err != nil || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
				return "a whole number"
			}
			*at(s) = new(int32(n))
			return ""
		}
	}
	text := func(at func(*ScaleSpec) *string) func(*ScaleSpec, string) string {
		return func(s *ScaleSpec, value string) string { *at(s) = value; return "" }
	}
	return []scaleField{
		{"minReplicas", []string{"min-scale", "minScale"}, number(func(s *ScaleSpec) **int32 { return &s.MinReplicas })},
		{"maxReplicas", []string{"max-scale", "maxScale"}, number(func(s *ScaleSpec) **int32 { return &s.MaxReplicas })},
		{"metric", []string{"metric"}, text(func(s *ScaleSpec) *string { return &s.Metric })},
		{"target", []string{"target"}, func(s *ScaleSpec, value string) string {
			q, err := resource.ParseQuantity(value)
			if err != nil {
				return "a number"
			}
			s.Target = &q
			return ""
		}},
		{"targetUtilizationPercentage", []string{"target-utilization-percentage", "targetUtilizationPercentage"},
			number(func(s *ScaleSpec) **int32 { return &s.TargetUtilizationPercentage })},
		{"window", []string{"window"}, text(func(s *ScaleSpec) *string { return &s.Window })},
		{"panicWindowPercentage", []string{"panic-window-percentage", "panicWindowPercentage"},
			number(func(s *ScaleSpec) **int32 { return &s.PanicWindowPercentage })},
		{"panicThresholdPercentage", []string{"panic-threshold-percentage", "panicThresholdPercentage"},
			number(func(s *ScaleSpec) **int32 { return &s.PanicThresholdPercentage })},
		{"scaleDownDelay", []string{"scale-down-delay", "scaleDownDelay"}, text(func(s *ScaleSpec) *string { return &s.ScaleDownDelay })},
		{"scaleToZeroGracePeriod", []string{"scale-to-zero-pod-retention-period", "scaleToZeroPodRetentionPeriod"},
			text(func(s *ScaleSpec) *string { return &s.ScaleToZeroGracePeriod })},
		{"initialScale", []string{"initial-scale", "initialScale"}, number(func(s *ScaleSpec) **int32 { return &s.InitialScale })},
		{"activationScale", []string{"activation-scale", "activationScale"}, number(func(s *ScaleSpec) **int32 { return &s.ActivationScale })},
	}
}

// scaleClass is the annotation that names another autoscaler.
const scaleClass = ScalePrefix + "class"

// ownClass is the class of the autoscaler whose algorithm this is.
const ownClass = "kpa.autoscaling.knative.dev"

// placed is where annotations are written.
type placed struct {
	path        string
	annotations map[string]string
}

// scaleAnnotations lists where annotations that scale component i of a predictor
// may stand: what comes first counts.
func (d *SeldonDeployment) scaleAnnotations(predictorPath string, p *PredictorSpec, i int) []placed {
	return []placed{
		{predictorPath + ".componentSpecs[" + strconv.Itoa(i) + "].metadata.annotations", p.ComponentSpecs[i].Metadata.Annotations},
		{predictorPath + ".annotations", p.Annotations},
		{"spec.annotations", d.Spec.Annotations},
		{"metadata.annotations", d.Annotations},
	}
}

// scaleKeys lists the annotations of others' autoscalers.
func scaleKeys(annotations map[string]string) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if strings.HasPrefix(key, ScalePrefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// scaled is what scales a component, and where each field of it is written.
type scaled struct {
	*ScaleSpec
	path string
	at   map[string]string
}

// where is the path of a field.
func (s *scaled) where(field string) string {
	if at, ok := s.at[field]; ok {
		return at
	}
	return s.path + "." + field
}

// scaleSpec is what scales component i: the field, with what annotations say
// beside it. It is nil if nothing does: neither is written, or annotations
// beside an autoscaler of another kind.
func (d *SeldonDeployment) scaleSpec(predictorPath string, p *PredictorSpec, i int) *scaled {
	c := &p.ComponentSpecs[i]
	s := scaled{at: map[string]string{}, path: predictorPath + ".componentSpecs[" + strconv.Itoa(i) + "].scaleSpec"}
	switch {
	case c.ScaleSpec != nil:
		s.ScaleSpec = c.ScaleSpec.DeepCopy()
	case c.HPASpec != nil || c.KEDASpec != nil:
		return nil
	}
	places := d.scaleAnnotations(predictorPath, p, i)
	for _, at := range slices.Backward(places) { // The nearest counts: it comes last.
		if class, ok := at.annotations[scaleClass]; ok && class != ownClass {
			continue
		}
		for _, f := range scaleFields() {
			for _, name := range f.names {
				value, ok := at.annotations[ScalePrefix+name]
				if !ok || c.ScaleSpec.says(f.name) {
					continue
				}
				if s.ScaleSpec == nil {
					s.ScaleSpec, s.path = &ScaleSpec{}, at.path+"["+ScalePrefix+name+"]"
				}
				f.set(s.ScaleSpec, value)
				s.at[f.name] = at.path + "[" + ScalePrefix + name + "]"
			}
		}
	}
	if s.ScaleSpec == nil {
		return nil
	}
	return &s
}

// says reports whether a field is written.
func (s *ScaleSpec) says(field string) bool {
	if s == nil {
		return false
	}
	return map[string]bool{
		"minReplicas": s.MinReplicas != nil, "maxReplicas": s.MaxReplicas != nil, "metric": s.Metric != "", "target": s.Target != nil,
		"targetUtilizationPercentage": s.TargetUtilizationPercentage != nil, "window": s.Window != "",
		"panicWindowPercentage": s.PanicWindowPercentage != nil, "panicThresholdPercentage": s.PanicThresholdPercentage != nil,
		"scaleDownDelay": s.ScaleDownDelay != "", "scaleToZeroGracePeriod": s.ScaleToZeroGracePeriod != "",
		"initialScale": s.InitialScale != nil, "activationScale": s.ActivationScale != nil,
	}[field]
}

// Scaling is how component i of a valid deployment's predictor is scaled by its
// requests; ok is false if it is not.
func (d *SeldonDeployment) Scaling(p *PredictorSpec, i int) (policy scaling.Policy, ok bool) {
	spec := d.scaleSpec("", p, i)
	if spec == nil || p.NoExecutor() {
		return scaling.Policy{}, false
	}
	return spec.policy(), true
}

// policy fills in what is left out.
func (s *ScaleSpec) policy() scaling.Policy {
	or := func(n *int32, otherwise int32) int32 {
		if n == nil {
			return otherwise
		}
		return *n
	}
	period := func(text string, otherwise time.Duration) time.Duration {
		if d, err := time.ParseDuration(text); err == nil {
			return d
		}
		return otherwise
	}
	p := scaling.Policy{
		Metric:               scaling.Metric(s.Metric),
		Target:               scaleTarget,
		MinReplicas:          or(s.MinReplicas, 1),
		MaxReplicas:          or(s.MaxReplicas, 0),
		PanicThreshold:       float64(or(s.PanicThresholdPercentage, scalePanicThreshold)) / 100,
		ScaleDownDelay:       scaling.Duration{Duration: period(s.ScaleDownDelay, 0)},
		Window:               scaling.Duration{Duration: period(s.Window, scaleWindow)},
		GracePeriod:          scaling.Duration{Duration: period(s.ScaleToZeroGracePeriod, scaleGracePeriod)},
		ContainerConcurrency: or(s.ContainerConcurrency, 0),
	}
	if p.Metric == "" {
		p.Metric = scaling.Concurrency
	}
	if s.Target != nil {
		p.Target = s.Target.AsApproximateFloat64()
	} else if p.ContainerConcurrency > 0 && p.Metric == scaling.Concurrency {
		p.Target = float64(p.ContainerConcurrency)
	}
	p.Target *= float64(or(s.TargetUtilizationPercentage, scaleUtilization)) / 100
	share := time.Duration(or(s.PanicWindowPercentage, scalePanicWindow))
	p.PanicWindow.Duration = max(p.Window.Duration*share/100, scaleBucket)
	p.InitialReplicas = p.Bounded(or(s.InitialScale, 1))
	p.ActivationReplicas = max(p.Bounded(or(s.ActivationScale, 1)), 1)
	return p
}

// HostsExecutor is the number of the component beside whose nodes the executor
// of a defaulted predictor runs; -1: it has a pod of its own, or there is none.
func (d *SeldonDeployment) HostsExecutor(p *PredictorSpec) int {
	at := -1
	p.Graph.Walk(func(_ string, n *graph.Node) {
		if at >= 0 || p.NoExecutor() || n.Endpoint == nil || n.Endpoint.ServiceHost != localhost {
			return
		}
		for i := range p.ComponentSpecs {
			if slices.ContainsFunc(p.ComponentSpecs[i].Spec.Containers, func(c corev1.Container) bool { return c.Name == n.Name }) {
				at = i
				return
			}
		}
	})
	return at
}
