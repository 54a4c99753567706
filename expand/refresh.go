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
	args := []string{
		"--refresh=" + n.ModelRefresh,
		"--versions=" + said.Policy.String(),
		fmt.Sprintf("--server=http://%s:%d/v1/models/%s", localhost, n.Endpoint.HTTPPort, url.PathEscape(p.modelName(n))),
	}
	if memory := c.Resources.Limits.Memory(); !memory.IsZero() {
		args = append(args, "--memory="+strconv.FormatInt(memory.Value(), 10))
	}
	return args
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
		i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == n.Name })
		if i < 0 {
			continue // It is in another pod.
		}
		if own := mountAt(&pod.Containers[i], modelDir); own != nil {
			mount := *own
			mount.MountPath, mount.ReadOnly = path.Join(versionsDir, n.Name), true
			addMount(executor, mount)
			folders = append(folders, n.Name+"="+mount.MountPath)
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
