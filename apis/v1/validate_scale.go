package v1

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/wording"
)

// Bounds of what a [ScaleSpec] may say; they are Knative's.
const (
	shortestScaleWindow, longestScaleWindow = 6 * time.Second, time.Hour
	leastPanicThreshold, mostPanicThreshold = 110, 1000
	// leastScaleTarget is the least target.
	leastScaleTarget = 0.01
)

// scales checks what scales the components of a predictor by their requests. A
// prepackaged server brings a component that nobody wrote.
func (v *validator) scales(predictorPath string, p *PredictorSpec) {
	if len(p.ComponentSpecs) == 0 {
		with := *p
		with.ComponentSpecs = []SeldonPodSpec{{}}
		p = &with
	}
	for i := range p.ComponentSpecs {
		v.scale(predictorPath, p, i)
	}
}

// scale checks what scales p.ComponentSpecs[i].
func (v *validator) scale(predictorPath string, p *PredictorSpec, i int) {
	s := v.deployment.scaleSpec(predictorPath, p, i)
	if s == nil {
		return
	}
	c := &p.ComponentSpecs[i]
	if c.HPASpec != nil {
		v.errorf(s.path, "excludes hpaSpec beside it: two autoscalers would undo each other's work; take one of them out")
	}
	if c.KEDASpec != nil {
		v.errorf(s.path, "excludes kedaSpec beside it: two autoscalers would undo each other's work; take one of them out")
	}
	v.scaleCounts(s)
	v.scaleTimes(s)
	v.scaledBy(s, p)
	v.limited(s, p, i)
	v.encrypted(s, p, i)
}

// scaleCounts checks the numbers of s.
func (v *validator) scaleCounts(s *scaled) {
	v.count(s.where("minReplicas"), s.MinReplicas)
	v.count(s.where("maxReplicas"), s.MaxReplicas)
	v.count(s.where("initialScale"), s.InitialScale)
	v.count(s.where("activationScale"), s.ActivationScale)
	v.count(s.where("containerConcurrency"), s.ContainerConcurrency)
	policy := s.policy()
	if least, most := policy.MinReplicas, policy.MaxReplicas; most > 0 && least > most {
		at := "minReplicas"
		if s.MinReplicas == nil {
			at = "maxReplicas"
		}
		v.errorf(s.where(at), "minReplicas %d is above maxReplicas %d", least, most)
	}
	metrics := []string{string(scaling.Concurrency), string(scaling.RPS)}
	v.enum(s.where("metric"), "metric", s.Metric, metrics)
	if s.Target != nil {
		if n := s.Target.AsApproximateFloat64(); n < leastScaleTarget {
			v.errorf(s.where("target"), "%s is not above 0: write how many requests one pod should have, %v or more", s.Target, leastScaleTarget)
		} else if cc := policy.ContainerConcurrency; cc > 0 && policy.Metric == scaling.Concurrency && n > float64(cc) {
			v.errorf(s.where("target"), "%s is above containerConcurrency %d, so no pod ever has as many; write %[2]d or less", s.Target, cc)
		}
	}
	percentage := func(field string, n *int32, least, most int32) {
		if n != nil && (*n < least || *n > most) {
			v.errorf(s.where(field), "%d is not a percentage from %d to %d", *n, least, most)
		}
	}
	percentage("targetUtilizationPercentage", s.TargetUtilizationPercentage, 1, 100)
	percentage("panicWindowPercentage", s.PanicWindowPercentage, 1, 100)
	percentage("panicThresholdPercentage", s.PanicThresholdPercentage, leastPanicThreshold, mostPanicThreshold)
	if n := s.InitialScale; n != nil && *n == 0 && policy.MinReplicas > 0 {
		v.warnf(s.where("initialScale"), "0 is below minReplicas %d, which counts", policy.MinReplicas)
	}
	if n := s.ActivationScale; n != nil && *n == 0 {
		v.errorf(s.where("activationScale"), "0 pods cannot answer; write 1 or more")
	}
}

// scaleTimes checks the durations of s.
func (v *validator) scaleTimes(s *scaled) {
	period := func(field, text string, least, most time.Duration) {
		if text == "" {
			return
		}
		switch d, err := time.ParseDuration(text); {
		case err != nil:
			v.errorf(s.where(field), "%q is not a duration; write one such as 30s or 5m", text)
		case d < least || d > most:
			v.errorf(s.where(field), "%s is not from %s to %s", text, span(least), span(most))
		}
	}
	period("window", s.Window, shortestScaleWindow, longestScaleWindow)
	period("scaleDownDelay", s.ScaleDownDelay, 0, longestScaleWindow)
	period("scaleToZeroGracePeriod", s.ScaleToZeroGracePeriod, 0, longestScaleWindow)
}

// scaledBy checks that requests to the component can be counted, and kept where
// it may have no pods.
func (v *validator) scaledBy(s *scaled, p *PredictorSpec) {
	if p.NoExecutor() {
		v.errorf(s.path, "needs the executor, which counts the requests; take the annotation %s out, or write hpaSpec", AnnotationNoExecutor)
		return
	}
	if v.deployment.Spec.ServerType == ServerKafka {
		v.errorf(s.path, "excludes serverType kafka: records of a topic are not counted; write kedaSpec with a trigger of type kafka")
		return
	}
	if s.policy().MinReplicas > 0 {
		return
	}
	at := s.where("minReplicas")
	if v.NoActivator {
		v.errorf(at, "0 needs the activator, which keeps requests until there is a pod, and none is installed: write 1, or install it (docs/scaling.md)")
	}
	if value, ok := v.deployment.Annotation(AnnotationHeadless); ok && value != "false" {
		v.errorf(at, "0 excludes %s: clients would be led to the activator at a port where it does not listen; write 1, or take it out", AnnotationHeadless)
	}
	if p.SSL != nil {
		v.errorf(at, "0 excludes ssl of the predictor: the activator cannot read requests that are encrypted for the executor; write 1, or let the ingress have the certificate")
	}
}

// limited checks that something keeps the limit of component i.
func (v *validator) limited(s *scaled, p *PredictorSpec, i int) {
	if s.policy().ContainerConcurrency == 0 || p.NoExecutor() || i == 0 && !v.deployment.SeparateExecutor(p) {
		return
	}
	at := s.where("containerConcurrency")
	if v.NoActivator {
		v.errorf(at, "of a component in a pod of its own needs the activator, since no executor stands before it, and none is installed: take it out, or install it (docs/scaling.md)")
	}
	if p.SSL != nil {
		v.errorf(at, "of a component in a pod of its own excludes ssl of the predictor: its requests do not pass the activator then, and nothing else keeps the limit; take it out, or let the ingress have the certificate")
	}
}

// encrypted checks that activators can read what comes to component i, where requests
// pass them on their way from the executor.
func (v *validator) encrypted(s *scaled, p *PredictorSpec, i int) {
	policy := s.policy()
	if p.NoExecutor() || i == 0 && !v.deployment.SeparateExecutor(p) || policy.MinReplicas > 0 && policy.ContainerConcurrency == 0 {
		return
	}
	holds := func(at int, node string) bool {
		return slices.ContainsFunc(p.ComponentSpecs[at].Spec.Containers, func(c corev1.Container) bool { return c.Name == node })
	}
	p.Graph.Walk(func(_ string, n *graph.Node) {
		if n.Endpoint == nil || !n.Endpoint.TLS || !holds(i, n.Name) {
			return
		}
		const why = "excludes endpoint.tls of node %s: the activator cannot read requests that are encrypted for its container"
		if policy.MinReplicas == 0 {
			v.errorf(s.where("minReplicas"), "0 "+why+"; write 1, or take tls out", n.Name)
		}
		if policy.ContainerConcurrency > 0 {
			v.errorf(s.where("containerConcurrency"), "of a component in a pod of its own "+why+", and nothing else keeps the limit; take one of them out", n.Name)
		}
	})
}

// scaleAnnotationValues checks the annotations by which Knative is told how to
// scale.
func (v *validator) scaleAnnotationValues(path string, annotations map[string]string) {
	var known []string
	for _, f := range scaleFields() {
		known = append(known, f.names...)
	}
	for _, key := range scaleKeys(annotations) {
		value, name, at := annotations[key], strings.TrimPrefix(key, ScalePrefix), path+"["+key+"]"
		switch {
		case key == scaleClass && value != ownClass:
			v.warnf(at, "%q scales nothing here, so that the others beside it are not read; write hpaSpec or kedaSpec, or leave it out", value)
		case key == scaleClass:
		case !slices.Contains(known, name):
			v.warnf(at, "nothing reads the annotation %s%s", key, wording.DidYouMean(name, known))
		}
		for _, f := range scaleFields() {
			if slices.Contains(f.names, name) {
				if wanted := f.set(&ScaleSpec{}, value); wanted != "" {
					v.errorf(at, "%q is not %s", value, wanted)
				}
			}
		}
	}
}

// span writes a duration as a deployment does: 1h, not 1h0m0s.
func span(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
