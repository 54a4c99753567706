package v1

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const annotationPrefix = "seldon.io/"

// loggerAnnotations become arguments of the executor, which does not start
// with anything but a whole number.
func loggerAnnotations() []string {
	return []string{"seldon.io/executor-logger-queue-size", "seldon.io/executor-logger-write-timeout-ms"}
}

// numberAnnotations are ignored where their value is not a whole number.
func numberAnnotations() []string {
	return []string{
		"seldon.io/rest-timeout", "seldon.io/grpc-timeout", "seldon.io/grpc-max-message-size",
		"seldon.io/istio-retries", "seldon.io/istio-retries-timeout", "seldon.io/ambassador-retries",
	}
}

func knownAnnotations() []string {
	return append(append(numberAnnotations(), loggerAnnotations()...),
		AnnotationSeparateExecutor, AnnotationNoExecutor, AnnotationServiceName, AnnotationNoStorageInitializer,
		"seldon.io/headless-svc", "seldon.io/istio-gateway", "seldon.io/istio-host",
		"seldon.io/ambassador-config", "seldon.io/ambassador-service-name", "seldon.io/ambassador-header",
		"seldon.io/ambassador-regex-header", "seldon.io/ambassador-id",
		"seldon.io/ambassador-circuit-breakers-max-connections", "seldon.io/ambassador-circuit-breakers-max-pending-requests",
		"seldon.io/ambassador-circuit-breakers-max-requests", "seldon.io/ambassador-circuit-breakers-max-retries",
		// Of an engine before this one; they change nothing and do no harm.
		"seldon.io/rest-read-timeout", "seldon.io/rest-connection-timeout", "seldon.io/rest-connect-retries",
		"seldon.io/grpc-read-timeout", "seldon.io/engine-java-opts",
	)
}

func (v *validator) specAnnotations() {
	d := v.deployment
	v.annotations("metadata.annotations", d.Annotations)
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

func (v *validator) annotations(path string, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		value, at := annotations[key], path+"["+key+"]"
		v.syntax(at, "annotation", key, validation.IsQualifiedName(strings.ToLower(key)))
		if !strings.HasPrefix(key, annotationPrefix) {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < 0 {
			switch {
			case slices.Contains(loggerAnnotations(), key):
				v.errorf(at, "%q is not a whole number", value)
			case slices.Contains(numberAnnotations(), key):
				v.warnf(at, "%q is not a whole number, and has no effect", value)
			}
		}
		known := knownAnnotations()
		switch meant := suggest(key, known); {
		case slices.Contains(known, key) || meant == "":
		case !strings.HasPrefix(key, AnnotationExecutorEnv):
			v.warnf(at, "nothing reads the annotation %s; did you mean %s?", key, meant)
		case meant == AnnotationSeparateExecutor:
			v.warnf(at, "%s only sets a variable of the executor; did you mean %s?", key, meant)
		}
	}
}
