package v1

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
)

// executor checks what is said of the executor: by svcOrchSpec, and by a
// container of its name.
func (v *validator) executor(path string, p *PredictorSpec) {
	s, at := &p.SvcOrchSpec, path+".svcOrchSpec"
	v.environment(at+".env", s.Env)
	v.pastVariables(at+".env", s.Env)
	for i, e := range s.Env {
		if e.ValueFrom == nil {
			v.executorWord(fmt.Sprintf("%s.env[%d].value", at, i), e.Name, e.Value)
		}
	}
	if s.Resources != nil {
		v.resources(at+".resources", s.Resources)
	}
	v.annotations(at+".annotations", s.Annotations)
	v.belowDeployment(at+".annotations", s.Annotations)
	volumes := v.volumes(at+".volumes", s.Volumes)
	if v.besideNodes(p) {
		v.ofItsOwnPod(at, s)
	}
	for i := range p.ComponentSpecs {
		for j := range p.ComponentSpecs[i].Spec.Volumes {
			volumes[p.ComponentSpecs[i].Spec.Volumes[j].Name] = true
		}
	}
	v.mounts(at, &corev1.Container{VolumeMounts: s.VolumeMounts}, volumes)
	v.executorContainers(path, p)
}

// ofItsOwnPod warns of settings of an executor's pod where it has none.
func (v *validator) ofItsOwnPod(at string, s *SvcOrchSpec) {
	for _, field := range []struct {
		name  string
		given bool
	}{
		{"nodeSelector", len(s.NodeSelector) > 0},
		{"tolerations", len(s.Tolerations) > 0},
		{"affinity", s.Affinity != nil},
		{"topologySpreadConstraints", len(s.TopologySpreadConstraints) > 0},
		{"podSecurityContext", s.PodSecurityContext != nil},
		{"priorityClassName", s.PriorityClassName != ""},
	} {
		if field.given {
			v.warnf(at+"."+field.name, "has no effect, since this executor runs in the pod of componentSpecs[0]: write it there, "+
				"or give the executor a pod of its own by the annotation %s", AnnotationSeparateExecutor)
		}
	}
}

// executorContainers checks the user's containers of the executor's name.
func (v *validator) executorContainers(path string, p *PredictorSpec) {
	first := ""
	for i := range p.ComponentSpecs {
		component := &p.ComponentSpecs[i]
		at := fmt.Sprintf("%s.componentSpecs[%d]", path, i)
		for j := range component.Spec.Containers {
			if component.Spec.Containers[j].Name != ExecutorContainer {
				continue
			}
			name := fmt.Sprintf("%s.spec.containers[%d].name", at, j)
			switch {
			case first != "":
				v.warnf(name, "%s is in %s as well, which counts", ExecutorContainer, first)
			case p.NoExecutor():
				v.warnf(name, "there is no executor, so nothing is made of this container")
			}
			first = at
			for k, e := range component.Spec.Containers[j].Env {
				if e.ValueFrom == nil {
					v.executorWord(fmt.Sprintf("%s.spec.containers[%d].env[%d].value", at, j, k), e.Name, e.Value)
				}
			}
		}
		if first == at && len(component.Spec.Containers) == 1 && (component.HPASpec != nil || component.KEDASpec != nil || component.ScaleSpec != nil || component.PDBSpec != nil) {
			v.warnf(at, "the executor's pod is not scaled, and has no disruption budget: hpaSpec, kedaSpec, scaleSpec and pdbSpec have no effect here")
		}
	}
}

// besideNodes reports whether the executor of p runs in the pod of
// componentSpecs[0], beside a node of the graph.
func (v *validator) besideNodes(p *PredictorSpec) bool {
	if p.NoExecutor() || v.deployment.SeparateExecutor(p) {
		return false
	}
	placed, first := map[string]bool{}, map[string]bool{}
	for i := range p.ComponentSpecs {
		for j := range p.ComponentSpecs[i].Spec.Containers {
			name := p.ComponentSpecs[i].Spec.Containers[j].Name
			placed[name], first[name] = true, i == 0
		}
	}
	beside := false
	p.Graph.Walk(func(_ string, n *graph.Node) {
		beside = beside || first[n.Name] || IsServer(n.Implementation) && !placed[n.Name]
	})
	return beside
}

func (v *validator) executorResources(p *PredictorSpec) corev1.ResourceRequirements {
	for i := range p.ComponentSpecs {
		for j := range p.ComponentSpecs[i].Spec.Containers {
			c := &p.ComponentSpecs[i].Spec.Containers[j]
			if c.Name == ExecutorContainer && len(c.Resources.Requests)+len(c.Resources.Limits) > 0 {
				return c.Resources
			}
		}
	}
	if own := p.SvcOrchSpec.Resources; own != nil {
		return *own
	}
	if r := v.ExecutorResources; r != nil {
		return *r
	}
	return ExecutorResources()
}

// ExecutorVariable is the variable of the executor that an annotation of a deployment stands
// for.
func ExecutorVariable(annotation string) (name string, ok bool) {
	name, ok = strings.CutPrefix(annotation, AnnotationExecutorEnv)
	ok = ok && name != "" && annotation != AnnotationSeparateExecutor
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")), ok
}

// executorWord checks a variable that takes one of a few words: with another the executor
// would not start.
func (v *validator) executorWord(path, variable, word string) {
	switch variable {
	case graph.CompatVariable:
		v.enum(path, "version of Seldon Core whose habits the executor has", word, graph.CompatWords())
	case graph.RepositoryVariable:
		v.repositoryAPI(path, word)
	}
}

// repositoryAPI checks what clients may ask of the repositories of servers.
func (v *validator) repositoryAPI(path, word string) {
	v.enum(path, "word for what clients may ask of the repositories of servers", word, graph.RepositoryWords())
	if outside := v.deployment.Spec.Protocol.Canonical(); (word == "index" || word == "all") && outside != ProtocolV2 {
		v.warnf(path, "it is for clients of protocol v2, and those of this deployment speak %s", outside)
	}
}
