package expand

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// initializerProgram is where the image of the storage initializer has its program, and
// versionsPeriod how many seconds pass between two questions whether it has brought a
// version: each starts the program.
const (
	initializerProgram = "/storage-initializer"
	versionsPeriod     = 2
)

// refreshArgs are the arguments by which the storage initializer goes on beside the
// server of n, which is c; nil: it does not.
func (p *predictor) refreshArgs(n *graph.Node, c *corev1.Container) []string {
	if n.ModelRefresh == "" {
		return nil
	}
	said, _ := n.Versions(true) // What is wrong with them was told by validation.
	args := []string{"--refresh=" + n.ModelRefresh, "--versions=" + said.Policy.String()}
	if p.startsWithVersion(n) {
		args = append(args, "--load=start", "--place="+discovery.PlaceOf(n.ModelURI))
		if server, stock := p.server(n); stock && len(server.Files) > 0 {
			args = append(args, "--files="+strings.Join(server.VersionFiles(), ","))
		}
	} else {
		args = append(args, p.loadArgs(n, c)...)
	}
	if memory := c.Resources.Limits.Memory(); !memory.IsZero() {
		args = append(args, "--memory="+strconv.FormatInt(memory.Value(), 10))
	}
	return args
}

// loadArgs say how the server of n, which is c, loads a version while it runs.
func (p *predictor) loadArgs(n *graph.Node, c *corev1.Container) (args []string) {
	host, model := fmt.Sprintf("http://%s:%d", localhost, n.Endpoint.HTTPPort), p.modelName(n)
	switch server, _ := p.server(n); server.Refresh {
	case manifests.RefreshFolder:
		args = append(args, "--server="+host+"/v1/models/"+url.PathEscape(model))
	default:
		if server.Refresh == manifests.RefreshMLServer {
			for _, e := range c.Env {
				if e.Name == envMLServerModelName && e.Value != "" {
					model = e.Value
				}
			}
		}
		args = append(args, "--server="+host, "--load="+string(server.Refresh), "--model="+model)
		if server.Refresh != manifests.RefreshTriton {
			args = append(args, "--files="+strings.Join(server.VersionFiles(), ","))
		}
	}
	if alone, _ := n.Parameter(graph.OneAtATimeParameter); alone == "true" {
		args = append(args, "--one-at-a-time")
	}
	return args
}

// startsWithVersion reports whether the node's server loads its model once, when it starts, so
// that a new version that is found takes a new pod.
func (p *predictor) startsWithVersion(n *graph.Node) bool {
	server, stock := p.server(n)
	return n.ModelRefresh != "" && (!stock || server.Refresh == "")
}

// envStartVersion tells the storage initializer which version the server is to start with.
const envStartVersion = "RADIANT_START_VERSION"

// startWith has an init container bring the version that is chosen for the server of a node,
// and the server find it where it looks for its model.
func startWith(initializer *corev1.Container, n *graph.Node) {
	initializer.Env = append(initializer.Env, corev1.EnvVar{Name: envStartVersion, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: startField + n.Name + startFieldEnd},
	}})
}

// startField, the name of a node and startFieldEnd are the field of a pod with the version
// that the node's server is to start with.
const (
	startField    = "metadata.annotations['" + discovery.StartPrefix
	startFieldEnd = "']"
)

// StartNode is the node whose server starts with what an init container brings; empty: none
// does.
func StartNode(initializer *corev1.Container) string {
	for _, e := range initializer.Env {
		if e.Name != envStartVersion || e.ValueFrom == nil || e.ValueFrom.FieldRef == nil {
			continue
		}
		if name, ok := strings.CutPrefix(e.ValueFrom.FieldRef.FieldPath, startField); ok {
			return strings.TrimSuffix(name, startFieldEnd)
		}
	}
	return ""
}

// tellStarts writes which versions servers are to start with, as it was found out, into the
// annotations of pods, and what else is known of that into those of their Deployment.
func (p *predictor) tellStarts() error {
	for _, w := range p.components {
		known := map[string]discovery.Choice{}
		for _, n := range p.order {
			choice, ok := p.in.Facts.Starts[w.deployment.Name][n.Name]
			if !ok || !p.startsWithVersion(n) || w.container(n.Name) == nil || choice.Place != discovery.PlaceOf(n.ModelURI) {
				continue // A number says nothing of versions elsewhere.
			}
			known[n.Name] = choice
			if choice.Version != "" {
				w.deployment.Spec.Template.Annotations[discovery.StartPrefix+n.Name] = choice.Version
			}
		}
		if len(known) > 0 {
			w.deployment.Annotations[discovery.AnnotationStarts] = marshalled(known)
		}
	}
	return nil
}

// refreshedBelow is the folder of the node's modelUri that is looked at for new versions,
// and in which the server finds them below its own; empty: modelUri itself.
func (p *predictor) refreshedBelow(n *graph.Node) string {
	if server, _ := p.server(n); n.ModelRefresh != "" && server.Refresh == manifests.RefreshTriton {
		return p.modelName(n)
	}
	return ""
}

// belowURI is a folder of what a URI names.
func belowURI(uri, folder string) string {
	if folder == "" {
		return uri
	}
	place, query, has := strings.Cut(uri, "?")
	place = strings.TrimRight(place, "/") + "/" + folder
	if has {
		place += "?" + query
	}
	return place
}

// refreshes lets an init container go on beside the others, which start when it has
// brought a version.
func refreshes(c *corev1.Container, args []string) {
	if args == nil {
		return
	}
	folder := c.Args[len(c.Args)-1]
	c.Args = slices.Concat(args, c.Args)
	c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	c.StartupProbe = &corev1.Probe{
		ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{initializerProgram, "--has-version", folder}}},
		PeriodSeconds:    versionsPeriod,
		SuccessThreshold: 1,
		FailureThreshold: mostStartup / versionsPeriod,
		TimeoutSeconds:   5,
	}
}

// The executor sees the folders of models that are refreshed in its pod below versionsDir,
// and is told of them by envModelFolders.
const (
	envModelFolders = "RADIANT_MODEL_FOLDERS"
	versionsDir     = "/mnt/versions"
)

// showVersions lets the executor in a pod see what was found of the versions of models
// that are refreshed beside it, and tells the operator where the executor says that.
func (p *predictor) showVersions(pod *corev1.PodSpec, executor *corev1.Container) {
	var folders []string
	refreshed := false
	for _, n := range p.order {
		if n.ModelRefresh == "" || n.ModelURI == "" {
			continue
		}
		refreshed = true
		if !slices.ContainsFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == n.Name }) {
			continue // It is in another pod.
		}
		initializer := initContainer(pod, cut(p.downloadName(pod, n), initializerSuffix))
		if initializer == nil {
			continue
		}
		if all := modelMount(initializer); all != nil {
			mount := *all
			mount.MountPath, mount.ReadOnly = path.Join(versionsDir, n.Name), true
			addMount(executor, mount)
			folders = append(folders, n.Name+"="+path.Join(mount.MountPath, p.refreshedBelow(n)))
		}
	}
	if !refreshed {
		return
	}
	if len(folders) > 0 {
		executor.Env = addEnv(executor.Env, envModelFolders, strings.Join(folders, ","))
	}
	d := p.host.deployment
	d.Labels[discovery.LabelRefreshed] = "true"
	d.Annotations[discovery.AnnotationRefreshed] = marshalled(discovery.Refreshed{
		Predictor: p.spec.Name, ReportPort: p.executorPorts().HTTP, TLS: p.spec.SSL != nil,
	})
}
