package v1

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// past are the annotations and the executor's variables of Seldon Core v1's
// first engine, which was written in Java, and of its first ingresses. Manifests
// still have them, and nothing reads them: each comes with what to do instead.
func past() map[string]string {
	const logger = "set logger of the graph's nodes"
	all := map[string]string{
		"JAVA_OPTS":                      ofTheJVM,
		"ENGINE_JAVA_OPTS":               ofTheJVM,
		"SELDON_LOG_REQUESTS":            logger,
		"SELDON_LOG_RESPONSES":           logger,
		"SELDON_LOG_MESSAGES_EXTERNALLY": logger,
		"SELDON_LOG_MESSAGE_TYPE":        logger,
		"SELDON_MESSAGE_LOGGING_SERVICE": "set logger.url of the graph's nodes",
		"LOG_REQUESTS":                   logger,
		"LOG_RESPONSES":                  logger,
	}
	for _, a := range annotationTable() {
		if a.reader == pastAnnotation {
			all[a.Annotation] = a.Doc
		}
	}
	return all
}

// pastTable is the same, made once. Nobody changes it.
var pastTable = sync.OnceValue(past)

// pastAnnotations warns of annotations that nothing reads any more, also of
// those that stand for variables of the executor.
func (v *validator) pastAnnotations(path string, annotations map[string]string) {
	instead := pastTable()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		at := path + "[" + key + "]"
		advice, ok := instead[key]
		for _, now := range []string{"seldon.io/rest-timeout", "seldon.io/grpc-timeout"} {
			switch _, set := annotations[now]; {
			case !strings.HasPrefix(advice, "write "+now):
			case set:
				advice = now + " counts; leave this out"
			default:
				advice += "; as it is, calls have no time limit"
			}
		}
		if ok {
			v.warnf(at, "nothing reads %s: %s", key, advice)
		} else if name, ok := ExecutorVariable(key); ok {
			v.pastVariable(at, name)
		}
	}
}

func (v *validator) pastVariables(path string, env []corev1.EnvVar) {
	for i := range env {
		v.pastVariable(fmt.Sprintf("%s[%d].name", path, i), env[i].Name)
	}
}

func (v *validator) pastVariable(at, name string) {
	if advice, ok := past()[name]; ok && name != "" {
		v.warnf(at, "nothing reads %s: %s", name, advice)
	}
}
