package v1

import (
	"strings"
	"sync"

	"github.com/prime-radiant/radiant/setting"
)

// DefaultNamespace is where a deployment without a namespace goes.
const DefaultNamespace = "default"

// Annotations that change what is made from a deployment.
const (
	// AnnotationSeparateExecutor, "true" in spec.annotations, gives the
	// executor a pod of its own.
	AnnotationSeparateExecutor = "seldon.io/engine-separate-pod"
	// AnnotationExecutorEnv begins the names in spec.annotations that stand for
	// variables of the executor, except for the one above.
	AnnotationExecutorEnv = "seldon.io/engine-"
	// AnnotationNoExecutor, "true" in a predictor's annotations, lets requests
	// go to the model without an executor.
	AnnotationNoExecutor = "seldon.io/no-engine"
	// AnnotationServiceName, in a predictor's annotations, names its Service.
	AnnotationServiceName = "seldon.io/svc-name"
	// AnnotationKeepTraffic, "true" in a predictor's annotations, sends requests
	// to it even while it has no pods.
	AnnotationKeepTraffic = "seldon.io/traffic-without-pods"
	// AnnotationNoStorageInitializer, "true" in spec.annotations, lets Triton
	// read its repository itself.
	AnnotationNoStorageInitializer = "seldon.io/no-storage-initializer"
	// AnnotationNetworkPolicy, "true" or "false", says whether others are kept
	// from the pods.
	AnnotationNetworkPolicy = "seldon.io/network-policy"
	// AnnotationImageVolumes, one of [ImageVolumeWords], says whether models of oci://
	// are mounted in the place of a copy.
	AnnotationImageVolumes = "seldon.io/image-volumes"
	// AnnotationHeadless, any value but "false", lets Services lead to pods by
	// DNS.
	AnnotationHeadless = "seldon.io/headless-svc"
	// AnnotationAfter names training jobs, as tfjob/NAME or mpijob/NAME with commas
	// between. The deployment is served when they have succeeded.
	AnnotationAfter = "radiant.io/after"
)

// ImageVolumeWords are what [AnnotationImageVolumes] may be.
func ImageVolumeWords() []string { return []string{"auto", "always", "never"} }

// NoExecutor reports whether the predictor asks to be served without executor.
func (p *PredictorSpec) NoExecutor() bool {
	return strings.EqualFold(p.Annotations[AnnotationNoExecutor], "true")
}

// KeepsTraffic reports whether a predictor keeps its share of the requests
// while it has no pods: it says so, or requests wake it.
func (d *SeldonDeployment) KeepsTraffic(p *PredictorSpec) bool {
	if strings.EqualFold(p.Annotations[AnnotationKeepTraffic], "true") {
		return true
	}
	for i := range p.ComponentSpecs {
		if policy, ok := d.Scaling(p, i); ok && policy.MinReplicas == 0 {
			return true
		}
	}
	return false
}

// SeparateExecutor reports whether the executor of p has a pod of its own.
func (d *SeldonDeployment) SeparateExecutor(p *PredictorSpec) bool {
	return strings.EqualFold(d.Spec.Annotations[AnnotationSeparateExecutor], "true") && !p.NoExecutor()
}

// Annotation returns a setting that may stand in spec.annotations or, with
// lower priority, in the object's own annotations.
func (d *SeldonDeployment) Annotation(key string) (value string, ok bool) {
	if value, ok = d.Spec.Annotations[key]; ok {
		return value, true
	}
	value, ok = d.Annotations[key]
	return value, ok
}

// isOurs reports whether the name of an annotation is one that somebody here may
// read, so that one that nobody reads is a mistake.
func isOurs(name string) bool {
	return strings.HasPrefix(name, "seldon.io/") || strings.HasPrefix(name, "radiant.io/")
}

// annotationReader says who reads an annotation, and how its value is judged.
type annotationReader string

const (
	// textAnnotation holds text.
	textAnnotation annotationReader = "text"
	// loggerAnnotation is a number that becomes an argument of the executor.
	loggerAnnotation annotationReader = "logger"
	// limitAnnotation is a number that the executor reads from its pod.
	limitAnnotation annotationReader = "limit"
	// pastAnnotation is of an engine or an ingress before these: it changes
	// nothing, and its Doc says what to do instead.
	pastAnnotation annotationReader = "past"
)

// Where annotations are written: headings of docs/annotations.md.
const (
	inSpec      = "In spec.annotations"
	inPredictor = "In the annotations of a predictor"
	inEither    = "In spec.annotations, or in metadata.annotations"
	ofThePast   = "Without effect"
)

// ofTheJVM is what becomes of settings of the first engine's runtime.
const ofTheJVM = "it was for the first engine, which ran on a JVM; leave it out"

// annotation is a row of the table of annotations.
type annotation struct {
	setting.Setting
	reader annotationReader
}

// annotations is the table of all annotations that are read, but for those of
// the ways into the cluster: they are in [ValidateOptions].
func annotations() []annotation {
	in := func(where string, reader annotationReader, name, doc string) annotation {
		return annotation{setting.Setting{Group: where, Annotation: name, Doc: doc}, reader}
	}
	return []annotation{
		in(inSpec, textAnnotation, AnnotationSeparateExecutor, "true: the executor has a pod of its own"),
		in(inSpec, textAnnotation, AnnotationNoStorageInitializer, "true: Triton reads its repository itself"),
		in(inSpec, limitAnnotation, "seldon.io/rest-timeout", "milliseconds of one call on a node over REST; of routes too"),
		in(inSpec, limitAnnotation, "seldon.io/grpc-timeout", "milliseconds of one call on a node over gRPC; of routes too"),
		in(inSpec, limitAnnotation, "seldon.io/grpc-max-message-size", "bytes of the largest message that the gRPC listener takes"),
		in(inPredictor, textAnnotation, AnnotationNoExecutor, "true: requests go to the model without an executor"),
		in(inPredictor, textAnnotation, AnnotationServiceName, "name of the predictor's Service"),
		in(inPredictor, textAnnotation, AnnotationKeepTraffic, "true: its share of the requests goes to it even while it has no pods"),
		in(inEither, loggerAnnotation, "seldon.io/executor-logger-queue-size", "payloads that wait to be logged"),
		in(inEither, loggerAnnotation, "seldon.io/executor-logger-write-timeout-ms", "accepted: a payload that finds the queue full is dropped at once"),
		in(inEither, textAnnotation, AnnotationHeadless, "any value but false: Services lead to pods by DNS"),
		in(inEither, textAnnotation, AnnotationNetworkPolicy, "true: a NetworkPolicy keeps others from the pods; false: none does, whatever the installation says"),
		in(inEither, textAnnotation, AnnotationImageVolumes, "models of oci:// are mounted as images in the place of a copy: auto, where the cluster takes that; always; never ([storage.md](storage.md#images-as-volumes))"),
		in(inEither, textAnnotation, AnnotationAfter, "tfjob/NAME or mpijob/NAME, several with commas between: training jobs that have to succeed first ([training.md](training.md))"),
		in(ofThePast, pastAnnotation, "seldon.io/rest-read-timeout", "write seldon.io/rest-timeout, the milliseconds that a call may take"),
		in(ofThePast, pastAnnotation, "seldon.io/rest-connection-timeout", "write seldon.io/rest-timeout, the milliseconds that a call may take"),
		in(ofThePast, pastAnnotation, "seldon.io/rest-connect-retries", "write policy.retries of a node"),
		in(ofThePast, pastAnnotation, "seldon.io/grpc-read-timeout", "write seldon.io/grpc-timeout, the milliseconds that a call may take"),
		in(ofThePast, pastAnnotation, "seldon.io/engine-java-opts", ofTheJVM),
		in(ofThePast, pastAnnotation, "seldon.io/engine-java-jmx-port", ofTheJVM),
		in(ofThePast, pastAnnotation, "seldon.io/executor", "there is one executor, which always serves; leave it out"),
		in(ofThePast, pastAnnotation, "seldon.io/use-executor", "there is one executor, which always serves; leave it out"),
		in(ofThePast, pastAnnotation, "seldon.io/ambassador-shadow", "write shadow: true for the predictor; as it is, its answers reach clients"),
		in(ofThePast, pastAnnotation, "seldon.io/ambassador-weight", "write traffic for each predictor"),
	}
}

// annotationTable is the same, made once: each deployment is judged by it. Nobody
// changes it.
var annotationTable = sync.OnceValue(annotations)

// annotationsOf lists the names of annotations with a reader; all of them for "".
func annotationsOf(reader annotationReader) []string {
	var names []string
	for _, a := range annotationTable() {
		if reader == "" || a.reader == reader {
			names = append(names, a.Annotation)
		}
	}
	return names
}

// AnnotationSettings lists the annotations that are read, by where they are
// written, but for those of ways.
func AnnotationSettings() []setting.Setting {
	all := annotations()
	settings := make([]setting.Setting, len(all))
	for i, a := range all {
		settings[i] = a.Setting
	}
	return settings
}
