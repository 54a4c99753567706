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

// components checks the pods of a predictor: what the API server would find
// wrong with them only when they are made, long after the deployment was
// accepted.
func (v *validator) components(predictorPath string, p *PredictorSpec) {
	nodes := map[string]*graph.Node{}
	servers := false // whether componentSpecs[0] gets containers
	containers := map[string]string{}
	v.walk(predictorPath, p, func(_ string, n *graph.Node) {
		nodes[n.Name] = n
		servers = servers || IsServer(n.Implementation)
	})
	for i := range p.ComponentSpecs {
		spec := &p.ComponentSpecs[i]
		path := fmt.Sprintf("%s.componentSpecs[%d]", predictorPath, i)
		v.count(path+".replicas", spec.Replicas)
		for _, key := range slices.Sorted(maps.Keys(spec.Metadata.Labels)) {
			v.label(path+".metadata.labels["+key+"]", key, spec.Metadata.Labels[key])
		}
		v.annotations(path+".metadata.annotations", spec.Metadata.Annotations)
		v.belowDeployment(path+".metadata.annotations", spec.Metadata.Annotations)
		for _, key := range []string{AnnotationNoExecutor, AnnotationServiceName} {
			v.misplaced(path+".metadata.annotations", spec.Metadata.Annotations, key, "the annotations of a predictor")
		}
		if name := spec.Metadata.Name; name != "" {
			v.name(path+".metadata.name", "name", name)
		}
		if len(spec.Spec.Containers) == 0 && (i > 0 || !servers) {
			v.warnf(path+".spec.containers", "there are no containers, so nothing is made of this componentSpec")
		}
		v.pod(path+".spec", &spec.Spec, nodes)
		for j := range spec.Spec.Containers {
			name := spec.Spec.Containers[j].Name
			at := fmt.Sprintf("%s.spec.containers[%d].name", path, j)
			before, ok := containers[name]
			switch {
			case name == "":
			case !ok:
				containers[name] = path
			case before != path && nodes[name] != nil:
				v.warnf(at, "container %q is in %s as well; the node %q is served by this one", name, before, name)
			}
		}
		v.autoscale(predictorPath, p, i)
	}
	v.accounts(predictorPath, p, containers)
}

// accounts warns of servers that share a pod, which has one service account,
// and name different ones.
func (v *validator) accounts(predictorPath string, p *PredictorSpec, containers map[string]string) {
	last := map[string]*graph.Node{}
	v.walk(predictorPath, p, func(path string, n *graph.Node) {
		if !IsServer(n.Implementation) || n.ServiceAccountName == "" {
			return
		}
		pod, placed := containers[n.Name]
		if !placed {
			pod = predictorPath + ".componentSpecs[0]"
		}
		if before := last[pod]; before != nil && before.ServiceAccountName != n.ServiceAccountName {
			v.warnf(path+".serviceAccountName", "%s counts for node %q too, which is in the same pod and names %s; "+
				"give the nodes one account, or pods of their own", n.ServiceAccountName, before.Name, before.ServiceAccountName)
		}
		last[pod] = n
	})
}

// minGrace is the time in seconds that a pod needs to stop without losing a
// request: endpoints that lead to it go away, then requests finish.
const minGrace = 10

func (v *validator) pod(path string, pod *corev1.PodSpec, nodes map[string]*graph.Node) {
	if pod.RestartPolicy != "" && pod.RestartPolicy != corev1.RestartPolicyAlways {
		v.errorf(path+".restartPolicy", "restartPolicy %s is for jobs; write Always, or leave it out", pod.RestartPolicy)
	}
	v.objectName(path+".serviceAccountName", pod.ServiceAccountName)
	if g := pod.TerminationGracePeriodSeconds; g != nil && *g < minGrace {
		v.warnf(path+".terminationGracePeriodSeconds", "in %d seconds requests under way cannot finish when a pod stops; "+
			"leave this out, or write %d or more", *g, minGrace)
	}
	volumes := v.volumes(path+".volumes", pod.Volumes)
	names := map[string]bool{}
	for i := range pod.InitContainers {
		at := fmt.Sprintf("%s.initContainers[%d]", path, i)
		v.container(at, &pod.InitContainers[i], names, true)
		v.ownInitializer(at, pod.InitContainers[i].Name, nodes)
	}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		at := fmt.Sprintf("%s.containers[%d]", path, i)
		v.container(at, c, names, v.needsImage(c.Name, nodes))
		v.mounts(at, c, volumes)
		v.arguments(at, c, nodes)
	}
	v.sharedFolders(path, pod, nodes)
}

// volumes checks the volumes of a pod and returns their names.
func (v *validator) volumes(path string, volumes []corev1.Volume) map[string]bool {
	names := map[string]bool{}
	for i := range volumes {
		volume, at := &volumes[i], fmt.Sprintf("%s[%d]", path, i)
		if volume.Name == "" || names[volume.Name] {
			v.errorf(at+".name", "volume name %q is missing or given twice", volume.Name)
		}
		names[volume.Name] = true
		if volume.VolumeSource == (corev1.VolumeSource{}) {
			v.warnf(at, "the volume %q has no source, such as persistentVolumeClaim: Kubernetes makes an empty folder of it", volume.Name)
		}
		if volume.Image != nil {
			if scheme, reference, ok := strings.Cut(volume.Image.Reference, "://"); ok {
				v.warnf(at+".image.reference", "an image has no scheme, and with %s:// the pod never starts (InvalidImageName); write %q",
					scheme, reference)
			}
		}
	}
	return names
}

// needsImage reports whether the user must give an image. Those of the executor
// and of a prepackaged server's container are known, and so is the image of the proxy
// container that Seldon Core v1 put beside some servers.
func (v *validator) needsImage(container string, nodes map[string]*graph.Node) bool {
	if n := nodes[container]; n != nil && IsServer(n.Implementation) || container == ExecutorContainer {
		return false
	}
	outside := v.deployment.Spec.Protocol.Canonical()
	for _, n := range nodes {
		s := v.Servers[n.Implementation].For(string(outside))
		if s.Proxied != nil && s.Proxied.Container == container && Protocol(s.Protocol) != outside {
			return false
		}
	}
	return true
}

func (v *validator) container(path string, c *corev1.Container, names map[string]bool, needsImage bool) {
	if c.Name == "" {
		v.errorf(path+".name", "the container has no name")
	} else {
		v.syntax(path+".name", "container name", c.Name, validation.IsDNS1123Label(c.Name))
		if names[c.Name] {
			v.errorf(path+".name", "container name %q is given twice in this pod", c.Name)
		}
		names[c.Name] = true
	}
	if c.Image == "" && needsImage {
		v.errorf(path+".image", "the container %q has no image", c.Name)
	}
	if c.Image != strings.TrimSpace(c.Image) {
		v.errorf(path+".image", "image %q begins or ends with a blank", c.Image)
	}
	v.environment(path+".env", c.Env)
	paths := map[string]bool{}
	for i := range c.VolumeMounts {
		at := fmt.Sprintf("%s.volumeMounts[%d].mountPath", path, i)
		switch mountPath := c.VolumeMounts[i].MountPath; {
		case mountPath == "":
			v.errorf(at, "is missing")
		case paths[mountPath]:
			v.errorf(at, "two volumes are mounted at %s; give one of them another path", mountPath)
		default:
			paths[mountPath] = true
		}
	}
	v.containerPorts(path+".ports", c)
	v.resources(path+".resources", &c.Resources)
}

func (v *validator) environment(path string, env []corev1.EnvVar) {
	for i := range env {
		at, name := fmt.Sprintf("%s[%d].name", path, i), env[i].Name
		switch {
		case name == "":
			v.errorf(at, "is missing")
		case len(validation.IsRelaxedEnvVarName(name)) > 0:
			v.syntax(at, "variable", name, validation.IsRelaxedEnvVarName(name))
		case len(validation.IsEnvVarName(name)) > 0:
			v.warnf(at, "Kubernetes before 1.34 refuses a variable called %q; use letters, digits, _, - and dots", name)
		}
	}
}

func (v *validator) containerPorts(path string, c *corev1.Container) {
	names := map[string]bool{}
	for i := range c.Ports {
		p := &c.Ports[i]
		at := fmt.Sprintf("%s[%d]", path, i)
		if faults := validation.IsValidPortNum(int(p.ContainerPort)); len(faults) > 0 {
			v.errorf(at+".containerPort", "%d is not a port number between 1 and 65535", p.ContainerPort)
		}
		if p.Name == "" {
			continue
		}
		v.syntax(at+".name", "port name", p.Name, validation.IsValidPortName(p.Name))
		if names[p.Name] {
			v.errorf(at+".name", "port name %q is given twice", p.Name)
		}
		names[p.Name] = true
	}
}

func (v *validator) resources(path string, r *corev1.ResourceRequirements) {
	v.amounts(path+".requests", r.Requests)
	v.amounts(path+".limits", r.Limits)
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		if limit, ok := r.Limits[name]; ok && request.Cmp(limit) > 0 {
			v.errorf(path+".requests["+string(name)+"]", "the request %s is above the limit %s", request.String(), limit.String())
		}
	}
}

// amounts warns of resources whose unit was probably forgotten.
func (v *validator) amounts(path string, list corev1.ResourceList) {
	const mostCores, leastBytes = 256, 1 << 20
	for _, name := range slices.Sorted(maps.Keys(list)) {
		q, at := list[name], path+"["+string(name)+"]"
		switch {
		case name == corev1.ResourceCPU && q.CmpInt64(mostCores) >= 0:
			v.warnf(at, "%s are cores; for thousandths of one write %q", q.String(), q.String()+"m")
		case (name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage) && q.Sign() > 0 && q.CmpInt64(leastBytes) < 0:
			v.warnf(at, "%s are less than a mebibyte, since the number counts bytes; write a unit, such as 512Mi", q.String())
		}
	}
}

// mounts warns of volumes that do not exist. Those that are added later are
// known by their names.
func (v *validator) mounts(path string, c *corev1.Container, volumes map[string]bool) {
	for i := range c.VolumeMounts {
		name := c.VolumeMounts[i].Name
		if !volumes[name] && name != PodInfoVolume && name != legacyPodInfoVolume &&
			!strings.HasSuffix(name, "-provision-location") {
			v.warnf(fmt.Sprintf("%s.volumeMounts[%d].name", path, i), "the pod has no volume %q%s",
				name, wording.DidYouMean(name, slices.Sorted(maps.Keys(volumes))))
		}
	}
}
