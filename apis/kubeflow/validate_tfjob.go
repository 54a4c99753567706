package kubeflow

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/wording"
)

func (v *validator) tfJob(j *TFJob) {
	v.enum("spec.successPolicy", "successPolicy", string(j.Spec.SuccessPolicy), []string{string(AllWorkers)})
	for _, name := range slices.Sorted(maps.Keys(v.parts.Replicas)) {
		if spec := v.parts.Replicas[name]; spec != nil {
			v.trainer(v.path(name)+".template.spec.containers", spec.Template.Spec.Containers)
		}
	}
	v.chiefs()
	if len(v.parts.Replicas) > 0 && max(v.count(Chief), v.count(Master), v.count(Worker)) <= 0 {
		path := "spec.tfReplicaSpecs"
		if name, spec := v.written(Worker); spec != nil {
			path = v.path(name) + ".replicas"
		}
		v.errorf(path, "nobody trains: write Worker with 1 replica or more, or a Chief")
	}
	v.strategy(j)
}

// trainer asks for the container that gets TF_CONFIG.
func (v *validator) trainer(path string, containers []corev1.Container) {
	if len(containers) == 0 || slices.ContainsFunc(containers, func(c corev1.Container) bool { return c.Name == TensorFlowContainer }) {
		return
	}
	at, rename := path, "one of them"
	if len(containers) == 1 {
		at, rename = path+"[0].name", fmt.Sprintf("%q", containers[0].Name)
	}
	v.errorf(at, "no container is called %s, the name by which it is known which one trains; rename %s", TensorFlowContainer, rename)
}

// chiefs allows one, under either name.
func (v *validator) chiefs() {
	chief, master := v.count(Chief), v.count(Master)
	for _, t := range []ReplicaType{Chief, Master} {
		if name, _ := v.written(t); v.count(t) > 1 {
			v.errorf(v.path(name)+".replicas", "a job has one chief, and this makes %d of them; write 1", v.count(t))
		}
	}
	if chief > 0 && master > 0 {
		name, _ := v.written(Master)
		v.errorf(v.path(name), "Master is the older name of Chief, so that the job has two of them; leave one out")
	}
}

// strategy says what becomes of a job whose manifest cannot train as it is, and
// checks the annotation that chooses.
func (v *validator) strategy(j *TFJob) {
	path := "metadata.annotations[" + AnnotationStrategy + "]"
	hasChief := max(v.count(Chief), v.count(Master)) > 0
	ps, psSpec := v.written(PS)
	switch s := j.Strategy(); s {
	case NoStrategy:
		if psSpec != nil && v.count(PS) > 0 && !hasChief && v.count(Worker) > 0 {
			v.warnf(v.path(ps), "with a PS and no Chief, programs of TensorFlow 2 fail in the PS pods and wait without end in the workers; "+
				"write the annotation %s: %s", AnnotationStrategy, wording.Listed(Strategies()))
		}
	case MultiWorkerMirrored:
	case ParameterServer:
		switch {
		case v.count(PS) < 1:
			v.errorf(path, "%s keeps variables in PS pods, and the job has none; write PS with 1 replica or more", s)
		case !hasChief && v.count(Worker) < 2:
			v.errorf(path, "%s makes worker 0 the chief, so that no worker is left; write 2 replicas of Worker or more, or a Chief", s)
		}
	default:
		v.errorf(path, "nothing is known of the strategy %q%s", s, wording.OneOf(string(s), Strategies()))
	}
}
