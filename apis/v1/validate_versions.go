package v1

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
)

// versions checks what a node says of the versions of its model.
func (v *validator) versions(n node) {
	builtin := graph.BuiltinOf(n.Implementation) != graph.NotBuiltin
	if len(n.VersionTraffic) > 0 {
		switch wire := v.wire(n); {
		case builtin:
			v.errorf(n.path+".versionTraffic", "%s runs inside the executor, where there are no versions of a model", n.Implementation)
			return
		case !wire.HasVersions():
			v.errorf(n.path+".versionTraffic", "the node's server speaks %s, which has no versions: use a server of tensorflow or v2, or several predictors with traffic", wire)
			return
		}
	}
	if builtin || !v.wire(n).HasVersions() || !n.DeclaresVersions() {
		return
	}
	server, known := v.stock(n.Node)
	if known && server.Versions == nil && n.ModelRefresh == "" {
		v.policyIsNotTold(n)
	}
	_, faults := n.Versions(v.wire(n) == ProtocolTensorFlow)
	for _, f := range faults {
		text := f.Message
		if f.Parameter != "" {
			text = f.Parameter + " " + text
		}
		v.errorf(n.path+"."+f.Field, "%s", text)
	}
	if _, given := n.Parameter(graph.VersionPolicyParameter); !given && (server.Versions != nil || n.ModelRefresh != "") && len(faults) == 0 && !tellsOwnModels(n.container, server.OwnModels) &&
		(n.ModelRefresh == "" || !v.startsWithVersion(n)) {
		v.onlyLatest(n)
	}
}

// policyIsNotTold warns of a policy for a server that finds versions by its own rules.
func (v *validator) policyIsNotTold(n node) {
	for i := range n.Parameters {
		if n.Parameters[i].Name == graph.VersionPolicyParameter {
			v.warnf(fmt.Sprintf("%s.parameters[%d].name", n.path, i), "%s is not told by it which versions to load: it has its own files for that", n.Implementation)
		}
	}
}

// onlyLatest checks a node whose server loads the highest version alone.
func (v *validator) onlyLatest(n node) {
	said, _ := n.Versions(true)
	named := map[string]bool{}
	for _, version := range said.Labels {
		named[version] = true
	}
	for _, share := range said.Traffic {
		if share.Percent > 0 {
			named[share.Version] = true
		}
	}
	if len(named) < 2 {
		return
	}
	field := n.path + ".versionTraffic"
	if len(n.VersionTraffic) == 0 {
		i := slices.IndexFunc(n.Parameters, func(p graph.Parameter) bool { return p.Name == graph.VersionLabelsParameter })
		field = fmt.Sprintf("%s.parameters[%d].value", n.path, i)
	}
	if alone, _ := n.Parameter(graph.OneAtATimeParameter); alone == "true" && n.ModelRefresh != "" {
		v.errorf(field, "%d versions are named, and by the parameter %s one is loaded: name one of them, or leave the parameter out, which needs memory for all",
			len(named), graph.OneAtATimeParameter)
		return
	}
	v.errorf(field, "%d versions are named, and %s loads the highest alone: give the node the parameter %s, such as all or latest:%d",
		len(named), n.Implementation, graph.VersionPolicyParameter, len(named))
}

// tellsOwnModels reports whether a container's own arguments say which models there
// are.
func tellsOwnModels(c *corev1.Container, flags []string) bool {
	return c != nil && slices.ContainsFunc(slices.Concat(c.Command, c.Args), func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		return strings.HasPrefix(word, "-") && slices.ContainsFunc(flags, func(flag string) bool { return strings.TrimLeft(flag, "-") == strings.TrimLeft(name, "-") })
	})
}
