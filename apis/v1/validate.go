package v1

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/wording"
)

// +kubebuilder:object:generate=false

// ValidateOptions are the settings of an installation that rules depend on:
// those that shape defaults among them, since a rule looks at what becomes of a
// deployment.
type ValidateOptions struct {
	DefaultOptions
	// ExecutorPorts are where executors listen; [ExecutorPorts] unless the
	// installation says otherwise.
	ExecutorPorts Ports
	// ExecutorResources are those of an executor for which the deployment gives
	// none; nil: [ExecutorResources].
	ExecutorResources *corev1.ResourceRequirements
	// WayAnnotations are those that ways into the cluster read.
	WayAnnotations []WayAnnotation
	// NoActivator says that nothing keeps requests for pods that are away.
	NoActivator bool
}

// +kubebuilder:object:generate=false

// WayAnnotation is an annotation of a deployment that a way into the cluster
// reads.
type WayAnnotation struct {
	Name string
	// Number: the value is a whole number, 0 or more.
	Number bool
	// Faults says what is wrong with one of the names that the value lists,
	// separated by commas; nil: the value is any text.
	Faults func(name string) []string
}

// Validate returns all that is wrong with a deployment as the user wrote it,
// before defaults. What runs in spite of a mistake is a warning.
func Validate(d *SeldonDeployment, o ValidateOptions) Problems {
	v := &validator{ValidateOptions: o, deployment: d}
	v.metadata()
	v.spec()
	for i := range d.Spec.Predictors {
		v.predictor(fmt.Sprintf("spec.predictors[%d]", i), &d.Spec.Predictors[i])
	}
	v.predictorNames()
	v.serviceNames()
	v.traffic()
	v.endpointTypes()
	if v.problems.Err() == nil {
		v.ports()
	}
	return v.problems
}

// Validate is [Validate] with places. Fields that could not be read have been
// reported by [Decode], so nothing more is said of them.
func (d *Document) Validate(o ValidateOptions) Problems { return d.Judged(Validate(d.Deployment, o)) }

// validator collects the problems of one deployment.
type validator struct {
	ValidateOptions
	deployment *SeldonDeployment
	problems   Problems
}

func (v *validator) errorf(path, format string, args ...any) {
	v.add(SeverityError, path, format, args)
}

func (v *validator) warnf(path, format string, args ...any) {
	v.add(SeverityWarning, path, format, args)
}

func (v *validator) add(s Severity, path, format string, args []any) {
	p := Problem{Severity: s, Path: path, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(v.problems, p) { // An annotation of the deployment counts for each of its components.
		v.problems = append(v.problems, p)
	}
}

// enum reports a value that is not one of names. Empty is allowed.
func (v *validator) enum(path, what, value string, names []string) {
	if value != "" && !slices.Contains(names, value) {
		v.errorf(path, "Invalid %s %q%s", what, value, wording.OneOf(value, names))
	}
}

func (v *validator) metadata() {
	d := v.deployment
	if d.Name == "" {
		v.errorf("metadata.name", "the deployment has no name; write one")
	} else {
		v.name("metadata.name", "deployment name", d.Name)
		if first := d.Name[0]; first >= '0' && first <= '9' {
			v.warnf("metadata.name", "deployment name %q begins with a digit, and so would the names of its Services, "+
				"which Kubernetes refuses before 1.34; begin with a letter", d.Name)
		}
	}
	if d.Namespace != "" {
		v.syntax("metadata.namespace", "namespace", d.Namespace, validation.IsDNS1123Label(d.Namespace))
	}
}

// name checks a part of the names of Services.
func (v *validator) name(path, what, name string) {
	// The length does not matter: what gets too long is replaced by a digest.
	short := name[:min(len(name), maxName)]
	if len(validation.IsDNS1123Label(strings.TrimRight(short, "-"))) > 0 || strings.HasSuffix(name, "-") {
		v.errorf(path, "%s %q is not a DNS label: use lower case letters, digits and -, with a letter or digit at both ends%s",
			what, name, rewrite(name))
	}
}

// rewrite suggests a DNS label.
func rewrite(name string) string {
	label := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
	if label == "" || len(validation.IsDNS1123Label(label)) > 0 {
		return ""
	}
	return fmt.Sprintf("; for example %q", label)
}

// syntax reports what Kubernetes' own rules say about a value.
func (v *validator) syntax(path, what, value string, faults []string) {
	if len(faults) > 0 {
		v.errorf(path, "%s %q: %s", what, value, strings.Join(faults, "; "))
	}
}

func (v *validator) spec() {
	s := &v.deployment.Spec
	v.enum("spec.protocol", "protocol", string(s.Protocol), []string{"seldon", "tensorflow", "v2", "kfserving"})
	v.enum("spec.transport", "transport", string(s.Transport), []string{"rest", "grpc"})
	v.enum("spec.serverType", "serverType", string(s.ServerType), []string{"rpc", "kafka"})
	v.count("spec.replicas", s.Replicas)
	v.specAnnotations()
	if s.OauthKey != "" || s.OauthSecret != "" {
		v.warnf("spec.oauth_key", "nothing asks clients for it: who may send requests is for the ingress to say")
	}
	if len(s.Predictors) == 0 {
		v.errorf("spec.predictors", "Graph contains no predictors: write at least one")
	}
	if s.ServerType == ServerKafka {
		for i := range s.Predictors {
			v.kafka(fmt.Sprintf("spec.predictors[%d].svcOrchSpec.env", i), &s.Predictors[i])
		}
	}
}

// kafka requires the variables that the executor reads in that mode.
func (v *validator) kafka(path string, p *PredictorSpec) {
	missing := []string{}
	for _, name := range []string{"KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC"} {
		if !slices.ContainsFunc(p.SvcOrchSpec.Env, func(e envVar) bool { return e.Name == name }) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		v.errorf(path, "For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC: missing %s",
			strings.Join(missing, ", "))
	}
}

// count refuses negative replica counts.
func (v *validator) count(path string, n *int32) {
	if n != nil && *n < 0 {
		v.errorf(path, "%d is negative; write 0 or more", *n)
	}
}

func (v *validator) predictor(path string, p *PredictorSpec) {
	v.count(path+".replicas", p.Replicas)
	v.count(path+".svcOrchSpec.replicas", p.SvcOrchSpec.Replicas)
	if n := p.ProgressDeadlineSeconds; n != nil && *n <= 0 {
		v.errorf(path+".progressDeadlineSeconds", "%d is not a number of seconds above 0", *n)
	}
	if p.SSL != nil && p.SSL.CertSecretName == "" {
		v.errorf(path+".ssl.certSecretName", "is missing: name the Secret that holds tls.crt and tls.key")
	}
	if len(p.EngineResources.Limits)+len(p.EngineResources.Requests) > 0 {
		v.warnf(path+".engineResources", "is ignored; write it as svcOrchSpec.resources")
	}
	for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
		v.label(path+".labels["+key+"]", key, p.Labels[key])
	}
	v.executor(path, p)
	v.predictorAnnotations(path+".annotations", p)
	v.graph(path, p)
	v.components(path, p)
	v.scales(path, p)
	v.explainer(path+".explainer", p.Explainer)
}

func (v *validator) label(path, key, value string) {
	v.syntax(path, "label", key, validation.IsQualifiedName(key))
	v.syntax(path, "label value", value, validation.IsValidLabelValue(value))
}

func (v *validator) predictorNames() {
	first := map[string]int{}
	for i := range v.deployment.Spec.Predictors {
		p := &v.deployment.Spec.Predictors[i]
		path := fmt.Sprintf("spec.predictors[%d].name", i)
		if p.Name == "" {
			v.errorf(path, "the predictor has no name")
			continue
		}
		if j, ok := first[p.Name]; ok {
			v.errorf(path, "Duplicate predictor name %q, first in spec.predictors[%d]; rename one of them", p.Name, j)
			continue
		}
		first[p.Name] = i
		v.name(path, "predictor name", p.Name)
		if _, ok := p.Labels[LabelVersion]; !ok && len(p.Name) > validation.LabelValueMaxLength {
			v.errorf(path, "predictor name %q has %d letters; it becomes the label %q, which holds %d",
				p.Name, len(p.Name), LabelVersion, validation.LabelValueMaxLength)
		}
	}
}

// endpointTypes holds a deployment to one transport, since the executor calls
// all nodes by the transport of the request.
func (v *validator) endpointTypes() {
	var first graph.EndpointType
	mixed := false
	for i := range v.deployment.Spec.Predictors {
		p := &v.deployment.Spec.Predictors[i]
		v.walk(fmt.Sprintf("spec.predictors[%d]", i), p, func(path string, n *graph.Node) {
			if n.Endpoint == nil || n.Endpoint.Type == "" {
				return
			}
			t := n.Endpoint.Type
			if first == "" {
				first = t
			}
			switch {
			case t != first && !mixed:
				mixed = true
				v.errorf(path+".endpoint.type", "Multiple endpoint.types found - can only have 1 type in graph "+
					"(%s here, %s before). Please use spec.transport", t, first)
			case v.deployment.Spec.Transport != "" && !strings.EqualFold(string(t), string(v.deployment.Spec.Transport)):
				v.errorf(path+".endpoint.type", "Mixed transport types found. Remove graph endpoint.types if transport set "+
					"at deployment level: endpoint.type is %s, spec.transport %s", t, v.deployment.Spec.Transport)
			}
		})
	}
}

// walk visits the nodes of a predictor with their full paths.
func (v *validator) walk(predictorPath string, p *PredictorSpec, visit func(path string, n *graph.Node)) {
	p.Graph.Walk(func(path string, n *graph.Node) { visit(predictorPath+"."+path, n) })
}
