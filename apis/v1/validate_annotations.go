package v1

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/prime-radiant/radiant/wording"
)

// known lists the annotations that something reads.
func (v *validator) known() []string {
	all := annotationsOf("")
	for _, a := range v.WayAnnotations {
		all = append(all, a.Name)
	}
	return all
}

// isOfDeployment reports whether an annotation is read from the deployment's
// and from no others.
func (v *validator) isOfDeployment(key string) bool {
	isRow := func(a annotation) bool {
		return a.Annotation == key && a.reader != limitAnnotation && (a.Group == inSpec || a.Group == inEither)
	}
	return strings.HasPrefix(key, AnnotationExecutorEnv) || slices.ContainsFunc(annotationTable(), isRow) ||
		!slices.Contains(annotationsOf(limitAnnotation), key) &&
			slices.ContainsFunc(v.WayAnnotations, func(a WayAnnotation) bool { return a.Name == key })
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
	v.imageVolumes("metadata.annotations", d.Annotations)
	v.imageVolumes("spec.annotations", d.Spec.Annotations)
	for _, key := range slices.Sorted(maps.Keys(d.Spec.Annotations)) {
		if variable, ok := ExecutorVariable(key); ok {
			v.executorWord("spec.annotations["+key+"]", variable, d.Spec.Annotations[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(d.Annotations)) {
		if strings.HasPrefix(key, AnnotationExecutorEnv) || key == AnnotationNoStorageInitializer {
			v.misplaced("metadata.annotations", d.Annotations, key, "spec.annotations")
		}
	}
	for _, key := range []string{AnnotationNoExecutor, AnnotationServiceName} {
		v.misplaced("metadata.annotations", d.Annotations, key, "the annotations of a predictor")
		v.misplaced("spec.annotations", d.Spec.Annotations, key, "the annotations of a predictor")
	}
}

// imageVolumes checks how models of oci:// are to get into pods.
func (v *validator) imageVolumes(path string, annotations map[string]string) {
	if word, ok := annotations[AnnotationImageVolumes]; ok {
		v.enum(path+"["+AnnotationImageVolumes+"]", "way to mount models", word, ImageVolumeWords())
	}
}

func (v *validator) predictorAnnotations(path string, p *PredictorSpec) {
	v.annotations(path, p.Annotations)
	v.belowDeployment(path, p.Annotations)
	if name, ok := p.Annotations[AnnotationServiceName]; ok && name != "" {
		v.syntax(path+"["+AnnotationServiceName+"]", "service name", name, validation.IsDNS1035Label(name))
	}
	if value := p.Annotations[AnnotationNoExecutor]; value != "" && !p.NoExecutor() && !strings.EqualFold(value, "false") {
		v.warnf(path+"["+AnnotationNoExecutor+"]", "%q is not \"true\", so there will be an executor", value)
	}
}

// belowDeployment warns of annotations of a predictor or a component that are
// read from the deployment's alone.
func (v *validator) belowDeployment(path string, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if v.isOfDeployment(key) && past()[key] == "" {
			v.misplaced(path, annotations, key, "spec.annotations")
		}
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
		v.unit(at, key, n)
		return
	}
	switch {
	case slices.Contains(annotationsOf(loggerAnnotation), key) && strings.HasPrefix(at, "spec.predictors"): // Nobody reads it there.
	case slices.Contains(annotationsOf(loggerAnnotation), key):
		v.errorf(at, "%q is not a whole number%s", value, converted(key, value))
	case slices.Contains(annotationsOf(limitAnnotation), key) && !strings.HasPrefix(at, "metadata"):
		v.errorf(at, "%q is not a whole number, so that the executor would not start%s", value, converted(key, value))
	case slices.ContainsFunc(v.WayAnnotations, func(a WayAnnotation) bool { return a.Number && a.Name == key }):
		v.warnf(at, "%q is not a whole number, so that no routes can be made of it%s", value, converted(key, value))
	}
}

// unitOf says what an annotation counts: milliseconds, seconds, bytes, or "".
func unitOf(key string) string {
	switch key {
	case "seldon.io/rest-timeout", "seldon.io/grpc-timeout", "seldon.io/executor-logger-write-timeout-ms":
		return "milliseconds"
	case "seldon.io/istio-retries-timeout":
		return "seconds"
	case "seldon.io/grpc-max-message-size":
		return "bytes"
	}
	return ""
}

// unit warns of a number that looks as if it counted something else.
func (v *validator) unit(at, key string, n int64) {
	const shortest, longest, smallest = 100, 1000, 1024
	switch unit := unitOf(key); {
	case n == 0:
	case unit == "milliseconds" && n < shortest && slices.Contains(annotationsOf(limitAnnotation), key):
		v.warnf(at, "counts milliseconds: calls may take %d ms; for seconds write %q", n, strconv.FormatInt(n*longest, 10))
	case unit == "seconds" && n >= longest:
		v.warnf(at, "counts seconds: a try may take %d s; for milliseconds write %q", n, strconv.FormatInt((n+longest-1)/longest, 10))
	case unit == "bytes" && n < smallest:
		v.warnf(at, "counts bytes: no message of more than %d bytes is taken; for MiB write %q", n, strconv.FormatInt(n<<20, 10))
	}
}

// converted ends a message about a number that was written with a unit.
func converted(key, value string) string {
	unit, text := unitOf(key), strings.ReplaceAll(strings.TrimSpace(value), " ", "")
	duration, err := time.ParseDuration(strings.ToLower(text))
	switch {
	case unit == "milliseconds" && err == nil && duration >= 0:
		return fmt.Sprintf("; write %q, which counts milliseconds", strconv.FormatInt(duration.Milliseconds(), 10))
	case unit == "seconds" && err == nil && duration >= 0:
		return fmt.Sprintf("; write %q, which counts seconds", strconv.FormatInt(int64(duration.Round(time.Second).Seconds()), 10))
	case unit == "bytes":
		if q, err := resource.ParseQuantity(strings.TrimSuffix(strings.TrimSuffix(text, "B"), "b")); err == nil && q.Sign() >= 0 {
			return fmt.Sprintf("; write %q, which counts bytes", strconv.FormatInt(q.Value(), 10))
		}
	}
	return ""
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
	v.pastAnnotations(path, annotations)
	v.scaleAnnotationValues(path, annotations)
	known := v.known()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value, at := annotations[key], path+"["+key+"]"
		v.syntax(at, "annotation", key, validation.IsQualifiedName(strings.ToLower(key)))
		if !isOurs(key) {
			continue
		}
		if key == AnnotationAfter && !strings.HasPrefix(path, "spec.predictors") {
			v.after(at, value)
		}
		v.number(at, key, value)
		v.wayNames(at, key, value)
		if past()[key] != "" {
			continue
		}
		switch meant := wording.Closest(key, known); {
		case slices.Contains(known, key) || meant == "":
		case !strings.HasPrefix(key, AnnotationExecutorEnv):
			v.warnf(at, "nothing reads the annotation %s; did you mean %s?", key, meant)
		case meant == AnnotationSeparateExecutor:
			v.warnf(at, "%s only sets a variable of the executor; did you mean %s?", key, meant)
		}
	}
}
