package expand

import (
	"fmt"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// limit is something that a deployment asks for and its installation does not
// do.
type limit struct{ path, message string }

// limit is about a field of a predictor.
func (b *backend) limit(field, message string) limit {
	return limit{fmt.Sprintf("spec.predictors[%d].%s", b.index, field), message}
}

// eachTLS says the same of every predictor that speaks TLS.
func (t *traffic) eachTLS(message string) []limit {
	var limits []limit
	for _, b := range t.predictors() {
		if b.certSecret != "" {
			limits = append(limits, b.limit("ssl", message))
		}
	}
	return limits
}

// Warnings says what a valid deployment asks for and an installation with these
// settings does not do, though it is right in itself.
func Warnings(d *v1.SeldonDeployment, c Config) v1.Problems {
	var limits []limit
	for i := range d.Spec.Predictors {
		limits = append(limits, predictorLimits(i, &d.Spec.Predictors[i], &c)...)
	}
	t := trafficOf(d, c.Ingress, nil)
	limits = append(limits, limitsOfShares(t)...)
	for _, way := range c.Ingress.waysOn() {
		if way.limits != nil && len(t.backends) > 0 {
			limits = append(limits, way.limits(t)...)
		}
	}
	problems := make(v1.Problems, len(limits))
	for i, l := range limits {
		problems[i] = v1.Problem{Severity: v1.SeverityWarning, Path: l.path, Message: l.message}
	}
	return problems
}

func predictorLimits(i int, p *v1.PredictorSpec, c *Config) []limit {
	var limits []limit
	at := fmt.Sprintf("spec.predictors[%d].", i)
	for k := range p.ComponentSpecs {
		if p.ComponentSpecs[k].KEDASpec != nil && !c.KEDA {
			limits = append(limits, limit{fmt.Sprintf("%scomponentSpecs[%d].kedaSpec", at, k),
				"has no effect: set KEDA_ENABLED=true where KEDA is installed"})
		}
	}
	const local = "is a path of this machine: a pod will not find it; put the model into a store and name that"
	p.Graph.Walk(func(path string, n *graph.Node) {
		if v1.IsLocal(n.ModelURI) && n.StorageInitializerImage == "" {
			limits = append(limits, limit{at + path + ".modelUri", local})
		}
	})
	if e := p.Explainer; e != nil && v1.IsLocal(e.ModelURI) && e.StorageInitializerImage == "" {
		limits = append(limits, limit{at + "explainer.modelUri", local})
	}
	return limits
}
