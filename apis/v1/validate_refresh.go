package v1

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// The time between two looks at a store is within these bounds: each look costs the
// store a request, for every pod.
const (
	leastRefresh = 5 * time.Second
	mostRefresh  = 24 * time.Hour
)

// refreshes checks how a node's model is looked at for new versions.
func (v *validator) refreshes(n node) {
	v.oneAtATime(n)
	if n.ModelRefresh == "" {
		return
	}
	path := n.path + ".modelRefresh"
	every, err := time.ParseDuration(n.ModelRefresh)
	switch {
	case err != nil:
		v.errorf(path, "%q is not a duration such as 60s or 5m", n.ModelRefresh)
	case every < leastRefresh || every > mostRefresh:
		v.errorf(path, "%s is not between 5s and 24h", n.ModelRefresh)
	}
	if graph.BuiltinOf(n.Implementation) != graph.NotBuiltin {
		v.errorf(path, "%s runs inside the executor, which reads its file once, when it starts: give the node a new modelUri for a new file", n.Implementation)
		return
	}
	server, _ := v.stock(n.Node)
	starts := v.startsWithVersion(n)
	if starts {
		v.startVersions(n, path)
	}
	switch {
	case n.ModelURI == "" && starts && (server.ModelURIOptional || !IsServer(n.Implementation)):
		v.errorf(path, "the node has no modelUri in which new versions could be found")
	case n.ModelURI == "": // It is told where that is missing.
	case isFixed(n.ModelURI):
		v.errorf(path, "%s names one state for good, so that no new version can come: name a tag, a branch or a folder", withoutSecrets(n.ModelURI))
	case server.Refresh == manifests.RefreshTriton && v.deployment.Spec.Annotations[AnnotationNoStorageInitializer] == "true":
		v.errorf(path, "by the annotation %s %s reads its repository itself, so that nobody looks for new versions: leave it out, or modelRefresh", AnnotationNoStorageInitializer, n.Implementation)
	case server.Refresh == manifests.RefreshTriton && !hasFolders(n.ModelURI):
		v.errorf(path, "%s is no folder that has the folder of the model: %s takes new versions from s3://, gs://, azblob://, pvc:// and paths", withoutSecrets(n.ModelURI), n.Implementation)
	case n.StorageInitializerImage != "":
		v.warnf(path, "the image of storageInitializerImage has to know --refresh, as Radiant's own does")
	}
}

// startsWithVersion reports whether the node's server loads its model once, when it starts,
// so that a new version takes a new pod.
func (v *validator) startsWithVersion(n node) bool {
	server, known := v.stock(n.Node)
	return !known || server.Refresh == "" || v.wire(n) != Protocol(server.Protocol).Canonical()
}

// startVersions checks a node with modelRefresh, at a path, whose server loads its model once.
// The executor in its pod is who tells the operator of new versions.
func (v *validator) startVersions(n node, path string) {
	const why = "the node's server loads its model once, when it starts, so that a new version takes a new pod"
	if v.withoutExecutor(n) {
		v.errorf(path, "%s; the executor beside the node tells of new versions, and its pod has none: leave modelRefresh out, and give the node a new modelUri for a new model", why)
	}
	if len(n.VersionTraffic) > 0 {
		v.errorf(n.path+".versionTraffic", "%s: it has one version at a time, so leave versionTraffic out, or modelRefresh", why)
	}
	said, faults := n.Versions(true)
	for i := range n.Parameters {
		field := fmt.Sprintf("%s.parameters[%d]", n.path, i)
		switch p := &n.Parameters[i]; {
		case p.Name == graph.VersionLabelsParameter:
			v.errorf(field+".name", "%s: it has one version at a time, so leave %s out, or modelRefresh", why, p.Name)
		case p.Name == graph.VersionPolicyParameter && len(faults) == 0 && said.Policy.Specific == nil && !said.Policy.IsOne():
			v.errorf(field+".value", "%s: it has one version at a time, and %s may be several", why, said.Policy)
		}
	}
}

// withoutExecutor reports whether no executor is in the pod of a node.
func (v *validator) withoutExecutor(n node) bool {
	p := n.predictor
	if p.NoExecutor() || v.deployment.SeparateExecutor(p) {
		return true
	}
	return slices.IndexFunc(p.ComponentSpecs, func(s SeldonPodSpec) bool {
		return slices.ContainsFunc(s.Spec.Containers, func(c corev1.Container) bool { return c.Name == n.Name })
	}) > 0
}

// oneAtATime checks the parameter of a node that has one version loaded at a time.
func (v *validator) oneAtATime(n node) {
	i := slices.IndexFunc(n.Parameters, func(p graph.Parameter) bool { return p.Name == graph.OneAtATimeParameter })
	if i < 0 {
		return
	}
	switch server, _ := v.stock(n.Node); server.Refresh {
	case manifests.RefreshFolder:
	case "":
		return // It may be a word of the user's own server.
	default:
		if n.ModelRefresh != "" {
			v.errorf(fmt.Sprintf("%s.parameters[%d].name", n.path, i), "%s does not drop what it has before it loads another version: leave %s out", n.Implementation, graph.OneAtATimeParameter)
		}
		return
	}
	path := fmt.Sprintf("%s.parameters[%d]", n.path, i)
	value, _ := n.Parameter(graph.OneAtATimeParameter)
	said, faults := n.Versions(true)
	switch {
	case value != "true" && value != "false":
		v.errorf(path+".value", "%s is %q; want true or false", graph.OneAtATimeParameter, value)
	case value == "false":
	case n.ModelRefresh == "":
		v.errorf(path+".name", "%s is about new versions that modelRefresh finds: give the node modelRefresh, such as 60s, or leave the parameter out", graph.OneAtATimeParameter)
	case len(faults) == 0 && !said.Policy.IsOne():
		v.errorf(path+".value", "%s loads one version, and by the parameter %s, %s, there may be several: leave one of both out",
			graph.OneAtATimeParameter, graph.VersionPolicyParameter, said.Policy)
	}
}

// initializerSuffix ends the names of the init containers that fetch models.
const initializerSuffix = "-model-initializer"

// ownInitializer warns of an init container of the user's that is in the place of the one
// which would look for new versions.
func (v *validator) ownInitializer(path, container string, nodes map[string]*graph.Node) {
	outside := v.deployment.Spec.Protocol.Canonical()
	for _, n := range nodes {
		if n.ModelRefresh == "" || n.ModelURI == "" {
			continue
		}
		server := v.Servers[n.Implementation].For(string(outside))
		former := server.Proxied != nil && Protocol(server.Protocol) != outside && container == server.Proxied.Container+initializerSuffix
		if former || container == n.Name+initializerSuffix {
			v.warnf(path, "this container is in the place of the one that would fetch the model of node %q and look for new versions, so that its modelRefresh is without effect; "+
				"leave the container out, or modelRefresh", n.Name)
		}
	}
}

// ModelDir is where a server finds the files of its model, and VolumeSuffix ends the names
// of the volumes that are there where a container mounts no other.
const (
	ModelDir     = "/mnt/models"
	VolumeSuffix = "-provision-location"
)

// sharedFolders refuses volumes of the user's that versions of a model would be brought
// into, and that others see: who brings them removes what others still serve.
func (v *validator) sharedFolders(path string, pod *corev1.PodSpec, nodes map[string]*graph.Node) {
	const help = "leave this mount out, or make it emptyDir or ephemeral; a claim that holds the versions is named by modelUri: pvc://CLAIM/PATH"
	type folder struct{ volume, within string }
	taken := map[folder]string{}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		n := nodes[c.Name]
		if n == nil || n.ModelRefresh == "" || n.ModelURI == "" {
			continue
		}
		hasMount := false
		for j := range c.VolumeMounts {
			m := &c.VolumeMounts[j]
			volume := slices.IndexFunc(pod.Volumes, func(volume corev1.Volume) bool { return volume.Name == m.Name })
			if strings.TrimRight(m.MountPath, "/") != ModelDir || volume < 0 {
				continue
			}
			hasMount = true
			at, f := fmt.Sprintf("%s.containers[%d].volumeMounts[%d]", path, i, j), folder{m.Name, folderOf(m.SubPath)}
			kind, seen := whoSees(&pod.Volumes[volume])
			switch other := taken[f]; {
			case m.SubPathExpr != "":
				v.errorf(at+".subPathExpr", "modelRefresh of node %q brings versions into this folder by a container that does not have the variables of this one: %s", n.Name, help)
			case seen != "":
				v.errorf(at, "modelRefresh of node %q brings versions into the volume %q, and %s is %s: %s", n.Name, m.Name, kind, seen, help)
			case other != "":
				v.errorf(at, "modelRefresh of the nodes %q and %q would bring versions into the same folder of the volume %q: give each a volume, or a subPath", other, n.Name, m.Name)
			}
			taken[f] = n.Name
		}
		if !hasMount {
			v.sharedByName(path, pod, n)
		}
	}
}

// folderOf is a folder of a volume, in one way of writing it.
func folderOf(subPath string) string { return path.Clean(subPath) }

// sharedByName refuses such a volume that has the name of the one which a node would get.
func (v *validator) sharedByName(path string, pod *corev1.PodSpec, n *graph.Node) {
	for i := range pod.Volumes {
		if pod.Volumes[i].Name != n.Name+VolumeSuffix {
			continue
		}
		if kind, seen := whoSees(&pod.Volumes[i]); seen != "" {
			v.errorf(fmt.Sprintf("%s.volumes[%d]", path, i), "modelRefresh of node %q brings versions into the volume of this name, and %s is %s: "+
				"give it another name, or make it emptyDir or ephemeral; a claim that holds the versions is named by modelUri: pvc://CLAIM/PATH", n.Name, kind, seen)
		}
	}
}

// whoSees says of what kind a volume is, and why it is no place for the versions of one
// pod; empty: it is.
func whoSees(volume *corev1.Volume) (kind, seen string) {
	s := &volume.VolumeSource
	text, err := json.Marshal(s)
	var fields map[string]any
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil || len(fields) != 1 {
		return "", "" // It was told, or is an empty folder.
	}
	kind = slices.Collect(maps.Keys(fields))[0]
	claim := s.PersistentVolumeClaim
	switch {
	case s.CSI != nil && s.CSI.ReadOnly != nil && *s.CSI.ReadOnly:
		return kind, "only read"
	case s.EmptyDir != nil, s.Ephemeral != nil, s.CSI != nil:
		return kind, ""
	case s.ConfigMap != nil, s.Secret != nil, s.DownwardAPI != nil, s.Projected != nil, s.Image != nil, claim != nil && claim.ReadOnly:
		return kind, "only read"
	}
	return kind, "the same for all pods, each of which would remove what others still serve"
}

// fixedCommit is a model at a whole name of a commit, fixedDigest an artifact by its digest.
var (
	fixedCommit = regexp.MustCompile(`^hf://[^/]+/[^/@:]+[@:][0-9a-f]{40}(/|$)`)
	fixedDigest = regexp.MustCompile(`^oci://.*@sha256:[0-9a-f]{64}$`)
)

// isFixed reports whether what a URI names never changes.
func isFixed(uri string) bool { return fixedCommit.MatchString(uri) || fixedDigest.MatchString(uri) }

// hasFolders reports whether folders of what a URI names can be listed.
func hasFolders(uri string) bool {
	scheme, rest, found := strings.Cut(uri, "://")
	switch {
	case !found:
		return true
	case scheme == "https": // Azure's URLs name folders.
		host, _, _ := strings.Cut(rest, "/")
		return strings.Contains(host, ".blob.")
	}
	return !slices.Contains([]string{"http", "hf", "oci"}, scheme)
}

// withoutSecrets is a URI without its user, password and query.
func withoutSecrets(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "modelUri"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
