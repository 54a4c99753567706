package v1

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/rule"
	"github.com/prime-radiant/radiant/wording"
)

type envVar = corev1.EnvVar

// maxContainerName is the longest name of a graph container: with
// [LabelUnitPrefix] in front it is the name of a label.
const maxContainerName = validation.LabelValueMaxLength - len(LabelUnitPrefix)

func nodeTypes() []string {
	return []string{
		string(graph.Model), string(graph.Router), string(graph.Combiner), string(graph.Transformer),
		string(graph.OutputTransformer), string(graph.UnknownType),
	}
}

func nodeMethods() []string {
	return []string{
		string(graph.TransformInputMethod), string(graph.TransformOutputMethod), string(graph.RouteMethod),
		string(graph.AggregateMethod), string(graph.SendFeedbackMethod),
	}
}

// node is a node under check.
type node struct {
	*graph.Node
	path string
	// container is the first container of that name, or nil.
	container *corev1.Container
	// predictor is the one that it is in.
	predictor *PredictorSpec
}

func (v *validator) graph(predictorPath string, p *PredictorSpec) {
	containers := map[string]*corev1.Container{}
	for i := range p.ComponentSpecs {
		spec := &p.ComponentSpecs[i].Spec
		for j := range spec.Containers {
			if c := &spec.Containers[j]; containers[c.Name] == nil {
				containers[c.Name] = c
			}
		}
	}
	first := map[string]string{}
	v.walk(predictorPath, p, func(path string, n *graph.Node) {
		if n.Name == "" {
			v.errorf(path+".name", "the node has no name")
		} else if before, ok := first[n.Name]; ok {
			v.errorf(path+".name", "Duplicate node name %q, first in %s; rename one of them", n.Name, before)
		} else {
			first[n.Name] = path
		}
		v.node(node{n, path, containers[n.Name], p}, containers)
		v.policy(path+".policy", n, &p.Graph)
	})
	if p.NoExecutor() {
		v.noExecutor(predictorPath+".annotations["+AnnotationNoExecutor+"]", node{&p.Graph, "", containers[p.Graph.Name], p}, len(first))
	}
}

// noExecutor checks the root of a graph that clients call directly: there is
// nobody to call other nodes, and nobody to translate.
func (v *validator) noExecutor(path string, root node, nodes int) {
	if nodes > 1 {
		v.errorf(path, "Running without engine only valid for single element graphs: this one has %d nodes", nodes)
	}
	if graph.BuiltinOf(root.Implementation) != graph.NotBuiltin {
		v.errorf(path, "%s runs inside the executor, so there must be one: remove this annotation", root.Implementation)
		return
	}
	outside, wire := v.deployment.Spec.Protocol.Canonical(), v.wire(root)
	if wire != outside && outside.Valid() && wire.OfServers() {
		v.errorf(path, "node %q speaks %s, and without an executor nothing translates it from %s: "+
			"remove this annotation, or set spec.protocol to %[2]s", root.Name, wire, outside)
	}
}

// wire is the protocol that a node's server will speak.
func (v *validator) wire(n node) Protocol {
	outside := v.deployment.Spec.Protocol.Canonical()
	server := v.Servers[n.Implementation].For(string(outside))
	switch {
	case n.Endpoint != nil && n.Endpoint.Protocol != "":
		return Protocol(n.Endpoint.Protocol).Canonical()
	case !IsServer(n.Implementation):
		return outside
	case n.container == nil:
		return wireProtocol(outside, server, "")
	}
	return wireProtocol(outside, server, n.container.Image)
}

func (v *validator) node(n node, containers map[string]*corev1.Container) {
	v.enum(n.path+".type", "type", string(n.Type), nodeTypes())
	for i, m := range n.Methods {
		v.enum(fmt.Sprintf("%s.methods[%d]", n.path, i), "method", string(m), nodeMethods())
	}
	v.endpoint(n.path+".endpoint", n.Endpoint)
	v.logger(n.path+".logger", n.Logger)
	v.parameters(n)
	v.versions(n)
	v.refreshes(n)
	v.copied(n)
	v.objectName(n.path+".serviceAccountName", n.ServiceAccountName)
	v.objectName(n.path+".envSecretRefName", n.EnvSecretRefName)
	named := n.Implementation != "" && n.Implementation != graph.UnknownImplementation
	if n.Type == graph.UnknownType && len(n.Methods) == 0 && !named {
		v.errorf(n.path+".type", "Predictive Unit has no implementation methods defined. "+
			"Change to a known type or add what methods it defines")
	}
	builtin := graph.BuiltinOf(n.Implementation)
	switch {
	case IsServer(n.Implementation):
		v.server(n)
	case builtin != graph.NotBuiltin:
		v.builtin(n, builtin)
	case n.container == nil && n.Name != "":
		v.errorf(n.path+".name", "Can't find container for Predictive Unit %q: name a container of componentSpecs like the node, "+
			"or set implementation%s", n.Name, thereAre(n.Name, containers))
	default:
		v.silent(n)
	}
	if (builtin == graph.NotBuiltin || n.ModelURI != "" && builtin.ReadsFiles()) && n.Name != "" {
		v.containerName(n.path+".name", "node name", n.Name)
	}
	if n.Name == ExecutorContainer {
		v.errorf(n.path+".name", "%s is the name of the executor's container; rename the node", n.Name)
	}
	v.modelURI(n.path+".modelUri", n.ModelURI)
	v.children(n, builtin)
}

// silent warns of a node that is never called.
func (v *validator) silent(n node) {
	if n.Type == "" && len(n.Methods) == 0 && n.Implementation != "" {
		v.warnf(n.path, "the node has no type and no methods, so its container is never called; "+
			"leave out implementation, or write type: MODEL")
	}
}

// thereAre lists the containers that exist.
func thereAre(name string, containers map[string]*corev1.Container) string {
	names := slices.Sorted(maps.Keys(containers))
	if len(names) == 0 {
		return " (there are no containers)"
	}
	return " (there is " + wording.Listed(names) + ")" + wording.DidYouMean(name, names)
}

func (v *validator) containerName(path, what, name string) {
	if len(name) > maxContainerName {
		v.errorf(path, "%s %q has %d letters; at most %d fit into the label seldon-app-svc-%s",
			what, name, len(name), maxContainerName, name)
	}
	v.name(path, what, name)
}

// objectName checks the name of a Secret or an account; empty is allowed.
func (v *validator) objectName(path, name string) {
	if name != "" {
		v.syntax(path, "name", name, validation.IsDNS1123Subdomain(name))
	}
}

func (v *validator) endpoint(path string, e *graph.Endpoint) {
	if e == nil {
		return
	}
	if e.Type != graph.REST && strings.EqualFold(string(e.Type), string(graph.REST)) {
		v.warnf(path+".type", "endpoint type %q is taken as REST; write it in capitals", e.Type)
	} else {
		v.enum(path+".type", "endpoint type", string(e.Type), []string{string(graph.REST), string(graph.GRPC)})
	}
	v.enum(path+".protocol", "endpoint protocol", e.Protocol, []string{"seldon", "tensorflow", "v2", "bentoml"})
}

func (v *validator) logger(path string, l *graph.Logger) {
	if l == nil {
		return
	}
	modes := []string{string(graph.LogAll), string(graph.LogRequest), string(graph.LogResponse)}
	if l.Mode == "" {
		v.errorf(path+".mode", "No logger mode specified; use %s", wording.Listed(modes))
	}
	v.enum(path+".mode", "logger mode", string(l.Mode), modes)
	if p := l.SamplePercent; p != nil && (*p < 0 || *p > 100) {
		v.errorf(path+".samplePercent", "%d is not between 0 and 100", *p)
	}
	for i, name := range l.Redact {
		if name == "" {
			v.errorf(fmt.Sprintf("%s.redact[%d]", path, i), "the name of a field is empty")
		}
	}
	if l.URL == nil {
		return
	}
	if u, err := url.Parse(*l.URL); *l.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		v.errorf(path+".url", "want a URL that begins with http:// or https://")
	}
}

// children warns of graphs whose shape does something else than it seems to.
func (v *validator) children(n node, b graph.Builtin) {
	routes := n.Type == graph.Router || slices.Contains(n.Methods, graph.RouteMethod) || b.Calls().Has(graph.CallRoute)
	joins := n.Type == graph.Combiner || slices.Contains(n.Methods, graph.AggregateMethod) || b.Calls().Has(graph.CallAggregate)
	switch {
	case b == graph.RandomABTest:
		v.abTest(n)
	case routes && len(n.Children) == 0 && !b.Calls().Has(graph.CallTransformInput):
		v.warnf(n.path+".children", "the router %q has no children, so it is never asked", n.Name)
	case joins && len(n.Children) == 0:
		v.warnf(n.path+".children", "the combiner %q has no children, so it is never asked", n.Name)
	case !routes && !joins && len(n.Children) > 1:
		v.warnf(n.path+".children", "%q has %d children and neither routes nor combines: all are called, "+
			"and the first one's answer is returned", n.Name, len(n.Children))
	}
}

func (v *validator) abTest(n node) {
	const branches = 2
	switch {
	case len(n.Children) < branches:
		v.errorf(n.path+".children", "RANDOM_ABTEST chooses between 2 children; %q has %d", n.Name, len(n.Children))
	case len(n.Children) > branches && n.Setting("weights") == "":
		v.warnf(n.path+".children", "RANDOM_ABTEST chooses between the first 2 children; %q has %d: give it the parameter weights", n.Name, len(n.Children))
	}
	for i := range n.Parameters {
		if n.Parameters[i].Name != "ratioA" {
			continue
		}
		path := fmt.Sprintf("%s.parameters[%d].value", n.path, i)
		ratio, err := strconv.ParseFloat(n.Parameters[i].Value, 32)
		if err != nil {
			v.errorf(path, "ratioA %q is not a number; write the share of the first child, such as \"0.5\"", n.Parameters[i].Value)
		} else if ratio < 0 || ratio > 1 {
			v.warnf(path, "ratioA %s is not between 0 and 1: one child gets everything", n.Parameters[i].Value)
		}
	}
}

func (v *validator) builtin(n node, b graph.Builtin) {
	if n.container != nil {
		v.warnf(n.path+".implementation", "%s runs inside the executor: the container %q is never called",
			n.Implementation, n.Name)
	}
	if n.ModelURI != "" && !b.ReadsFiles() {
		v.warnf(n.path+".modelUri", "%s has no use for a model", n.Implementation)
	}
	for _, f := range builtinFaults(n.Node) {
		text := f.Message
		if f.Parameter != "" && f.Known == nil {
			text = f.Parameter + " " + text
		}
		switch {
		case len(f.Known) > 0:
			text += wording.OneOf(f.Parameter, f.Known)
		case f.Known != nil:
			text += ", and no other"
		}
		v.errorf(n.path+"."+f.Field, "%s", text)
	}
	v.ignored(n)
	if is := b.Type(); is != "" && n.Type != "" && n.Type != graph.UnknownType && n.Type != is {
		v.warnf(n.path+".type", "type %s is ignored: %s is a %s", n.Type, n.Implementation, is)
	}
}

// builtinFaults are those that graph finds, or else those of the expressions.
func builtinFaults(n *graph.Node) []graph.Fault {
	faults := graph.BuiltinFaults(n)
	if len(faults) > 0 {
		return faults
	}
	parameter, err := rule.Check(n)
	if err != nil {
		faults = append(faults, graph.FaultOf(n, parameter, "are wrong: "+strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	return faults
}

// ignored warns of parameters that a built-in of Seldon Core v1 passes over.
func (v *validator) ignored(n node) {
	unread, known := graph.UnreadParameters(n.Node)
	for _, i := range unread {
		if name := n.Parameters[i].Name; name != "" {
			v.warnf(fmt.Sprintf("%s.parameters[%d].name", n.path, i), "%s has no parameter %s, which is passed over%s", n.Implementation, name, wording.DidYouMean(name, known))
		}
	}
}
