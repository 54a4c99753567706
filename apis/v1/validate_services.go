package v1

import (
	"cmp"
	"fmt"

	"github.com/prime-radiant/radiant/graph"
)

// service is a Service that the deployment leads to, and the field that named
// it.
type service struct{ name, what, path string }

// services lists the Services of a deployment. Their names are concatenations,
// so that different fields may lead to one name.
func (d *SeldonDeployment) services() []service {
	var all []service
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		path := fmt.Sprintf("spec.predictors[%d]", i)
		named := path + ".name"
		if p.Annotations[AnnotationServiceName] != "" {
			named = path + ".annotations[" + AnnotationServiceName + "]"
		}
		all = append(all, service{d.PredictorName(p), fmt.Sprintf("predictor %q", p.Name), named})
		if p.Explainer != nil && p.Explainer.Type != "" {
			all = append(all, service{d.ExplainerName(p), fmt.Sprintf("the explainer of predictor %q", p.Name), path + ".explainer"})
		}
		seen := map[string]bool{}
		p.Graph.Walk(func(nodePath string, n *graph.Node) {
			if graph.BuiltinOf(n.Implementation) == graph.NotBuiltin && n.Name != "" && !seen[n.Name] {
				seen[n.Name] = true
				all = append(all, service{d.ContainerServiceName(p, n.Name),
					fmt.Sprintf("node %q of predictor %q", n.Name, p.Name), path + "." + nodePath + ".name"})
			}
		})
	}
	return all
}

// serviceNames refuses two Services of one name: requests of one would reach
// the pods of the other.
func (v *validator) serviceNames() {
	chosen := map[string]bool{}
	for i := range v.deployment.Spec.Predictors {
		name := v.deployment.Spec.Predictors[i].Annotations[AnnotationServiceName]
		path := fmt.Sprintf("spec.predictors[%d].annotations[%s]", i, AnnotationServiceName)
		if name != "" && chosen[name] {
			v.errorf(path, "Found duplicate service name in %s with value %s; choose another one", AnnotationServiceName, name)
		}
		chosen[name] = true
	}
	if v.hasDuplicates() {
		return // Reported as such, and not once more for each Service.
	}
	first := map[string]service{}
	for _, s := range v.deployment.services() {
		if before, ok := first[s.name]; ok {
			v.errorf(s.path, "%s and %s lead to one Service, %s; rename one of them", s.what, before.what, s.name)
		} else {
			first[s.name] = s
		}
	}
}

func (v *validator) hasDuplicates() bool {
	names, services := map[string]bool{}, map[string]bool{}
	for i := range v.deployment.Spec.Predictors {
		p := &v.deployment.Spec.Predictors[i]
		service := p.Annotations[AnnotationServiceName]
		if names[p.Name] || (service != "" && services[service]) {
			return true
		}
		names[p.Name], services[service] = true, true
	}
	return false
}

// ValidateSet returns what is wrong with several documents together: the same
// deployment twice, or two that lead to Services of the same name.
func ValidateSet(docs []Document) Problems {
	type owner struct {
		doc int
		service
	}
	var problems Problems
	deployments, services := map[string]int{}, map[string]owner{}
	for i := range docs {
		d := docs[i].Deployment
		if d.Name == "" {
			continue
		}
		key := d.namespace() + "/" + d.Name
		if first, ok := deployments[key]; ok {
			problems = append(problems, docs[i].Locate(Problems{{Severity: SeverityError, Path: "metadata.name",
				Message: fmt.Sprintf("deployment %s is given twice, first in %s", key, docs[first].position("metadata.name"))}})...)
			continue
		}
		deployments[key] = i
		for _, s := range d.services() {
			name := d.namespace() + "/" + s.name
			before, ok := services[name]
			if !ok {
				services[name] = owner{i, s}
				continue
			}
			if before.doc != i {
				problems = append(problems, docs[i].Locate(Problems{{Severity: SeverityError, Path: s.path,
					Message: fmt.Sprintf("%s leads to the Service %s, as does %s of deployment %s (%s); rename one of them",
						s.what, s.name, before.what, docs[before.doc].Deployment.Name, docs[before.doc].position(before.path))}})...)
			}
		}
	}
	return problems
}

// position says where a field of d is.
func (d *Document) position(path string) string {
	line, _ := d.Position(path)
	return fmt.Sprintf("%s:%d", cmp.Or(d.File, "the input"), line)
}
