package v1

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// known lists the annotations that something reads.
func (v *validator) known() []string {
	all := annotationsOf("")
	for _, a := range v.WayAnnotations {
		all = append(all, a.Name)
	}
	return all
}

func (v *validator) specAnnotations() {
	d := v.deployment
	v.annotations("metadata.annotations", d.Annotations)
	for _, key := range annotationsOf(limitAnnotation) {
		if _, ok := d.Annotations[key]; ok {
			v.warnf("metadata.annotations["+key+"]", "does not reach the executor from here, only routes; write it in spec.annotations")
		}
	}
	v.annotations("spec.annotations", d.Spec.Annotations)
	v.misplaced("metadata.annotations", d.Annotations, AnnotationSeparateExecutor, "spec.annotations")
	for _, key := range []string{AnnotationNoExecutor, AnnotationServiceName} {
		v.misplaced("metadata.annotations", d.Annotations, key, "the annotations of a predictor")
		v.misplaced("spec.annotations", d.Spec.Annotations, key, "the annotations of a predictor")
	}
}

func (v *validator) predictorAnnotations(path string, p *PredictorSpec) {
	v.annotations(path, p.Annotations)
	v.misplaced(path, p.Annotations, AnnotationSeparateExecutor, "spec.annotations")
	if name, ok := p.Annotations[AnnotationServiceName]; ok && name != "" {
		v.syntax(path+"["+AnnotationServiceName+"]", "service name", name, validation.IsDNS1035Label(name))
	}
	if value := p.Annotations[AnnotationNoExecutor]; value != "" && !p.NoExecutor() && !strings.EqualFold(value, "false") {
		v.warnf(path+"["+AnnotationNoExecutor+"]", "%q is not \"true\", so there will be an executor", value)
	}
}

// misplaced warns of a setting where nobody looks for it.
func (v *validator) misplaced(path string, annotations map[string]string, key, where string) {
	if _, ok := annotations[key]; ok {
		v.warnf(path+"["+key+"]", "is not read here; write it in %s", where)
	}
}

// number checks the annotations whose values are whole numbers.
func (v *validator) number(at, key, value string) {
	if n, err := strconv.ParseInt(value, 10, 32); err == nil && n >= 0 {
		return
	}
	switch {
	case slices.Contains(annotationsOf(loggerAnnotation), key):
		v.errorf(at, "%q is not a whole number", value)
	case slices.Contains(annotationsOf(limitAnnotation), key) && !strings.HasPrefix(at, "metadata"):
		v.errorf(at, "%q is not a whole number, so that the executor would not start", value)
	case slices.ContainsFunc(v.WayAnnotations, func(a WayAnnotation) bool { return a.Number && a.Name == key }):
		v.warnf(at, "%q is not a whole number, so that no routes can be made of it", value)
	}
}

// wayNames checks the annotations that hold names, separated by commas.
func (v *validator) wayNames(at, key, value string) {
	for _, a := range v.WayAnnotations {
		if a.Name != key || a.Faults == nil {
			continue
		}
		for name := range strings.SplitSeq(value, ",") {
			v.syntax(at, "name", strings.TrimSpace(name), a.Faults(strings.TrimSpace(name)))
		}
	}
}

func (v *validator) annotations(path string, annotations map[string]string) {
	known := v.known()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value, at := annotations[key], path+"["+key+"]"
		v.syntax(at, "annotation", key, validation.IsQualifiedName(strings.ToLower(key)))
		if !strings.HasPrefix(key, annotationPrefix) {
			continue
		}
		v.number(at, key, value)
		v.wayNames(at, key, value)
		switch meant := suggest(key, known); {
		case slices.Contains(known, key) || meant == "":
		case !strings.HasPrefix(key, AnnotationExecutorEnv):
			v.warnf(at, "nothing reads the annotation %s; did you mean %s?", key, meant)
		case meant == AnnotationSeparateExecutor:
			v.warnf(at, "%s only sets a variable of the executor; did you mean %s?", key, meant)
		}
	}
}
