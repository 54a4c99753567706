package expand

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// A server that is told by a file which versions of its model to load finds it here:
// the file is an annotation of its pod, named after the node.
const (
	modelConfigDir         = "/etc/model-config"
	modelConfigFile        = "models.config"
	modelConfigSuffix      = "-model-config"
	modelConfigAnnotations = "model-config.seldon.io/"
)

// tellsVersions reports whether the node's server is told by a file which versions of
// its model to load: where the node says so, or has labels that nobody else would
// resolve.
func (p *predictor) tellsVersions(n *graph.Node, server manifests.Server) bool {
	_, policy := n.Parameter(graph.VersionPolicyParameter)
	_, labels := n.Parameter(graph.VersionLabelsParameter)
	return server.Versions != nil && (policy || labels && p.spec.NoExecutor())
}

// versionsArgs are the arguments of a server that is told so. Names of versions are
// resolved by the executor, so that a change of one starts nothing anew.
func (p *predictor) versionsArgs(n *graph.Node, server manifests.Server) []string {
	args := server.Versions.Args
	if _, labels := n.Parameter(graph.VersionLabelsParameter); labels && p.spec.NoExecutor() {
		args = slices.Concat(args, server.Versions.LabelArgs)
	}
	return args
}

// mountVersions gives the server's container its file.
func (p *predictor) mountVersions(w *workload, n *graph.Node, c *corev1.Container) error {
	said, faults := n.Versions(true)
	if len(faults) > 0 {
		return faults[0]
	}
	key := modelConfigAnnotations + n.Name
	w.deployment.Spec.Template.Annotations[key] = p.modelConfig(n, &said)
	name, mode := cut(n.Name, modelConfigSuffix), corev1.DownwardAPIVolumeSourceDefaultMode
	addVolume(w.pod(), corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		DownwardAPI: &corev1.DownwardAPIVolumeSource{DefaultMode: &mode, Items: []corev1.DownwardAPIVolumeFile{{
			Path:     modelConfigFile,
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations['" + key + "']"},
		}}},
	}})
	addMount(c, corev1.VolumeMount{Name: name, MountPath: modelConfigDir, ReadOnly: true})
	return nil
}

// modelConfig is a ModelServerConfig of TensorFlow Serving as text.
func (p *predictor) modelConfig(n *graph.Node, v *graph.Versions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "model_config_list {\n  config {\n    name: %s\n    base_path: %q\n    model_platform: \"tensorflow\"\n", strconv.Quote(p.modelName(n)), modelDir)
	switch {
	case v.Policy.All:
		b.WriteString("    model_version_policy { all { } }\n")
	case v.Policy.Specific != nil:
		b.WriteString("    model_version_policy { specific {")
		for _, version := range v.Policy.Specific {
			fmt.Fprintf(&b, " versions: %d", version)
		}
		b.WriteString(" } }\n")
	default:
		fmt.Fprintf(&b, "    model_version_policy { latest { num_versions: %d } }\n", max(v.Policy.Latest, 1))
	}
	if p.spec.NoExecutor() {
		for _, label := range slices.Sorted(maps.Keys(v.Labels)) {
			fmt.Fprintf(&b, "    version_labels { key: %s value: %s }\n", strconv.Quote(label), v.Labels[label])
		}
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// hasVersions reports whether what a node says of versions is meant for the executor:
// its server speaks a protocol that has them.
func (p *predictor) hasVersions(n *graph.Node) bool {
	return !p.spec.NoExecutor() && graph.BuiltinOf(n.Implementation) == graph.NotBuiltin && p.speaks(n).HasVersions()
}

// tellShares writes what the executor is told of versions while it runs into the
// annotation of its pod. It is no part of what the executor starts with.
func (p *predictor) tellShares() error {
	all := map[string]graph.LiveVersions{}
	for _, n := range p.order {
		if !p.hasVersions(n) {
			continue
		}
		if said, found := n.DeepCopy().TakeVersions(); found {
			all[n.Name] = said
		}
	}
	if p.host != nil && len(all) > 0 {
		p.host.deployment.Spec.Template.Annotations[graph.VersionsAnnotation] = marshalled(all)
	}
	return nil
}

// modelConfigPath is where the server finds the file.
func modelConfigPath() string { return path.Join(modelConfigDir, modelConfigFile) }
