package kubeflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/prime-radiant/radiant/apis/manifest"
	"github.com/prime-radiant/radiant/wording"
)

// Validate returns all that is wrong with a job as the user wrote it, before
// defaults. What runs in spite of a mistake is a warning.
func Validate(j Job) manifest.Problems {
	v := &validator{job: j, parts: j.Parts()}
	v.metadata()
	v.enum("metadata.annotations["+AnnotationRestart+"]", "value", j.GetAnnotations()[AnnotationRestart], []string{RestartTogether})
	v.enum("metadata.annotations["+AnnotationStart+"]", "value", j.GetAnnotations()[AnnotationStart], []string{StartTogether})
	v.policies()
	v.replicas()
	switch j := j.(type) {
	case *TFJob:
		v.tfJob(j)
	case *MPIJob:
		v.mpiJob(j)
	}
	return v.problems
}

// validator collects the problems of one job.
type validator struct {
	job      Job
	parts    Parts
	problems manifest.Problems
}

func (v *validator) errorf(path, format string, args ...any) {
	v.add(manifest.SeverityError, path, format, args)
}

func (v *validator) warnf(path, format string, args ...any) {
	v.add(manifest.SeverityWarning, path, format, args)
}

func (v *validator) add(s manifest.Severity, path, format string, args []any) {
	v.problems = append(v.problems, manifest.Problem{Severity: s, Path: path, Message: fmt.Sprintf(format, args...)})
}

// enum reports a value that is not one of names. Empty is allowed.
func (v *validator) enum(path, what, value string, names []string) {
	if value != "" && !slices.Contains(names, value) {
		v.errorf(path, "nothing is known of the %s %q%s", what, value, wording.OneOf(value, names))
	}
}

// path is the field of the replicas of a type, as the user wrote its name.
func (v *validator) path(name ReplicaType) string {
	return fmt.Sprintf("spec.%s[%s]", v.parts.Field, name)
}

func (v *validator) metadata() {
	name := v.job.GetName()
	if name == "" {
		v.errorf("metadata.name", "the job has no name; write one")
		return
	}
	for _, t := range slices.Sorted(maps.Keys(v.parts.Replicas)) {
		spec := v.parts.Replicas[t]
		if _, ok := v.parts.Known(t); !ok || spec == nil {
			continue
		}
		pod := PodName(name, t, max(0, v.parts.Count(t)-1))
		if faults := validation.IsDNS1035Label(pod); len(faults) > 0 {
			v.errorf("metadata.name", "pods and Services are named after the job, and %q is no name of a Service: "+
				"use lower case letters, digits and -, a letter first, %d in all at most", pod, validation.DNS1035LabelMaxLength)
			return
		}
	}
}

// PodName is the name of a pod, and of the Service that leads to it. A launcher is
// alone, and has no number.
func PodName(job string, t ReplicaType, index int32) string {
	if strings.EqualFold(string(t), string(Launcher)) {
		return job + "-" + strings.ToLower(string(t))
	}
	return fmt.Sprintf("%s-%s-%d", job, strings.ToLower(string(t)), index)
}

func (v *validator) policies() {
	clean := []string{string(CleanRunning), string(CleanAll), string(CleanNone)}
	for _, at := range []struct {
		path string
		p    *Policies
	}{{"spec", v.parts.Policies}, {"spec.runPolicy", &v.parts.Run.Policies}} {
		v.enum(at.path+".cleanPodPolicy", "cleanPodPolicy", string(at.p.CleanPodPolicy), clean)
		notNegative(v, at.path+".ttlSecondsAfterFinished", at.p.TTLSecondsAfterFinished)
		notNegative(v, at.path+".backoffLimit", at.p.BackoffLimit)
		if n := at.p.ActiveDeadlineSeconds; n != nil && *n < 1 {
			v.errorf(at.path+".activeDeadlineSeconds", "%d is not a number of seconds above 0", *n)
		}
	}
	outer, inner := v.parts.Policies, &v.parts.Run.Policies
	if a, b := outer.CleanPodPolicy, inner.CleanPodPolicy; a != "" && b != "" && a != b {
		v.twice("cleanPodPolicy", string(b))
	}
	twice(v, "ttlSecondsAfterFinished", outer.TTLSecondsAfterFinished, inner.TTLSecondsAfterFinished)
	twice(v, "activeDeadlineSeconds", outer.ActiveDeadlineSeconds, inner.ActiveDeadlineSeconds)
	twice(v, "backoffLimit", outer.BackoffLimit, inner.BackoffLimit)
}

func notNegative(v *validator, path string, n *int32) {
	if n != nil && *n < 0 {
		v.errorf(path, "%d is negative; write 0 or more", *n)
	}
}

func twice[T comparable](v *validator, field string, outer, inner *T) {
	if outer != nil && inner != nil && *outer != *inner {
		v.twice(field, fmt.Sprint(*inner))
	}
}

func (v *validator) twice(field, counts string) {
	v.warnf("spec."+field, "spec.runPolicy.%s says something else, and counts: %s; leave one of them out", field, counts)
}

// replicas checks what both kinds want of their pods.
func (v *validator) replicas() {
	if len(v.parts.Replicas) == 0 {
		v.errorf("spec."+v.parts.Field, "the job has no pods; write %s", wording.Listed(typeNames(v.parts.Types)))
		return
	}
	written := map[ReplicaType]ReplicaType{}
	for _, name := range slices.Sorted(maps.Keys(v.parts.Replicas)) {
		path, spec := v.path(name), v.parts.Replicas[name]
		t, ok := v.parts.Known(name)
		if !ok {
			v.errorf(path, "a %s has no replicas of the type %s%s", v.parts.Kind, name, wording.OneOf(string(name), typeNames(v.parts.Types)))
			continue
		}
		if other, ok := written[t]; ok {
			v.errorf(path, "%s is the same type as %s; write it once", name, other)
		}
		written[t] = name
		if spec == nil {
			v.errorf(path, "is empty; write replicas and template")
			continue
		}
		notNegative(v, path+".replicas", spec.Replicas)
		v.enum(path+".restartPolicy", "restartPolicy", string(spec.RestartPolicy),
			[]string{string(RestartNever), string(RestartOnFailure), string(RestartAlways), string(RestartExitCode)})
		v.pod(path+".template", spec)
	}
	v.size(written)
}

// The most pods of a job. Those of a TFJob are told of all others in one variable, of
// which Linux takes 128 KiB; those of an MPIJob by one ConfigMap of a MiB.
const mostTFPods, mostMPIPods = 1000, 10000

// size bounds the number of pods. written are the names by which the user wrote types.
func (v *validator) size(written map[ReplicaType]ReplicaType) {
	most := int64(mostTFPods)
	if v.parts.Kind == MPIJobKind {
		most = mostMPIPods
	}
	all, widest, at := int64(0), int64(0), ReplicaType("")
	for _, t := range slices.Sorted(maps.Keys(written)) {
		n := int64(v.parts.Count(written[t]))
		if all += n; n > widest {
			widest, at = n, written[t]
		}
	}
	if all > most {
		v.errorf(v.path(at)+".replicas", "the job would have %d pods; the most of one %s are %d: write less", all, v.parts.Kind, most)
	}
}

func typeNames(types []ReplicaType) []string {
	names := make([]string, len(types))
	for i := range types {
		names[i] = string(types[i])
	}
	return names
}

func (v *validator) pod(path string, spec *ReplicaSpec) {
	pod := &spec.Template.Spec
	if len(pod.Containers) == 0 {
		v.errorf(path+".spec.containers", "the pod has no containers; write one")
	}
	if inner := string(pod.RestartPolicy); inner != "" && inner != string(spec.RestartPolicy) {
		v.warnf(path+".spec.restartPolicy", "has no effect: the restartPolicy beside the template counts")
	}
	seen := map[string]bool{}
	for i := range pod.Containers {
		c, at := &pod.Containers[i], fmt.Sprintf("%s.spec.containers[%d]", path, i)
		switch {
		case c.Name == "":
			v.errorf(at+".name", "the container has no name")
		case seen[c.Name]:
			v.errorf(at+".name", "container name %q is given twice in this pod", c.Name)
		case len(validation.IsDNS1123Label(c.Name)) > 0:
			v.errorf(at+".name", "container name %q: %s", c.Name, strings.Join(validation.IsDNS1123Label(c.Name), "; "))
		}
		seen[c.Name] = true
		if c.Image == "" {
			v.errorf(at+".image", "the container %q has no image", c.Name)
		}
	}
}

// written returns the name by which the user wrote a type, and its replicas; nil
// where there are none.
func (v *validator) written(t ReplicaType) (ReplicaType, *ReplicaSpec) {
	for _, name := range slices.Sorted(maps.Keys(v.parts.Replicas)) {
		if known, ok := v.parts.Known(name); ok && known == t {
			return name, v.parts.Replicas[name]
		}
	}
	return t, nil
}

// count is how many pods of a type there are to be, however its name is written.
func (v *validator) count(t ReplicaType) int32 {
	name, _ := v.written(t)
	return v.parts.Count(name)
}
