package expand

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const terminationGracePeriod = 20

// buildPods makes a workload of each componentSpec that has containers.
func (p *predictor) buildPods() error {
	for i := range p.spec.ComponentSpecs {
		spec := &p.spec.ComponentSpecs[i]
		pod := withoutExecutor(spec.Spec)
		if len(pod.Containers) == 0 {
			continue
		}
		name := p.deployment.ComponentName(p.spec, i, p.in.Config.NameAsPrefix)
		w := p.newWorkload(name, pod)
		w.spec = spec
		w.deployment.Spec.Replicas = p.replicas(spec)
		p.components = append(p.components, w)
	}
	return nil
}

// newWorkload makes a Deployment around pod with everything that all
// Deployments have in common. Its labels and selector are still empty.
func (p *predictor) newWorkload(name string, pod corev1.PodSpec) *workload {
	w := &workload{deployment: &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}, Annotations: map[string]string{}},
		Spec: appsv1.DeploymentSpec{
			Selector:                &metav1.LabelSelector{MatchLabels: map[string]string{}},
			Strategy:                strategy(),
			ProgressDeadlineSeconds: p.spec.ProgressDeadlineSeconds,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{}, Annotations: map[string]string{
					"prometheus.io/path":   p.in.Config.Executor.PrometheusPath,
					"prometheus.io/scrape": "true",
				}},
				Spec: pod,
			},
		},
	}}
	p.completePod(w.pod())
	return w
}

func strategy() appsv1.DeploymentStrategy {
	unavailable := intstr.FromString("10%")
	return appsv1.DeploymentStrategy{
		Type:          appsv1.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &unavailable},
	}
}

func (p *predictor) completePod(pod *corev1.PodSpec) {
	if pod.RestartPolicy == "" {
		pod.RestartPolicy = corev1.RestartPolicyAlways
	}
	if pod.DNSPolicy == "" {
		pod.DNSPolicy = corev1.DNSClusterFirst
	}
	if pod.SchedulerName == "" {
		pod.SchedulerName = corev1.DefaultSchedulerName
	}
	if pod.TerminationGracePeriodSeconds == nil {
		seconds := int64(terminationGracePeriod)
		pod.TerminationGracePeriodSeconds = &seconds
	}
	if user := p.in.Config.UserID; user != nil && pod.SecurityContext == nil {
		pod.SecurityContext = &corev1.PodSecurityContext{RunAsUser: new(*user)}
	}
	mode := corev1.DownwardAPIVolumeSourceDefaultMode
	addVolume(pod, corev1.Volume{Name: v1.PodInfoVolume, VolumeSource: corev1.VolumeSource{
		DownwardAPI: &corev1.DownwardAPIVolumeSource{
			DefaultMode: &mode,
			Items: []corev1.DownwardAPIVolumeFile{{
				Path:     "annotations",
				FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations"},
			}},
		},
	}})
}

// replicas returns the count of a componentSpec; nil where an autoscaler sets
// it, or where nobody did.
func (p *predictor) replicas(spec *v1.SeldonPodSpec) *int32 {
	if _, scaled := p.scaled[spec]; scaled || p.scaledByKEDA(spec) || spec.HPASpec != nil {
		return nil
	}
	return firstSet(spec.Replicas, p.spec.Replicas, p.deployment.Spec.Replicas)
}

func firstSet(counts ...*int32) *int32 {
	for _, c := range counts {
		if c != nil {
			return c
		}
	}
	return nil
}

// labelPods sets labels, selectors and annotations, now that it is known where
// the executor is.
func (p *predictor) labelPods() error {
	for _, w := range p.components {
		p.labelComponent(w)
	}
	if p.host != nil && p.host.spec == nil {
		p.labelExecutor(p.host)
	}
	return nil
}

func (p *predictor) labelComponent(w *workload) {
	labels := map[string]string{
		v1.LabelDeploymentID: p.deployment.ID(),
		v1.LabelWorkload:     w.deployment.Name,
		v1.LabelFluentd:      "true",
	}
	maps.Copy(labels, p.spec.Labels)
	maps.Copy(labels, w.spec.Metadata.Labels)
	selector := map[string]string{v1.LabelDeploymentID: p.deployment.ID()}
	for _, c := range w.pod().Containers {
		n := p.nodes[c.Name]
		if n == nil {
			continue
		}
		selector[v1.LabelUnitPrefix+c.Name] = p.deployment.ContainerServiceName(p.spec, c.Name)
		if role := v1.RoleLabel(n.Type); role != "" {
			labels[role] = "true"
		}
	}
	if w == p.host || p.spec.NoExecutor() && w.container(p.spec.Graph.Name) != nil {
		selector[v1.LabelApp] = p.key
	}
	if len(selector) == 1 { // No node is served here, so nothing above tells the pods apart.
		selector[v1.LabelWorkload] = w.deployment.Name
	}
	if p.spec.Shadow {
		labels[v1.LabelShadow] = "true"
	}
	labels[v1.LabelManagedBy] = v1.ManagedBy
	// A user's label must not hide the pods from their own Deployment.
	maps.Copy(labels, selector)
	p.label(w, labels, selector, w.spec.Metadata.Annotations)
}

// labelExecutor labels the Deployment of an executor with a pod of its own.
func (p *predictor) labelExecutor(w *workload) {
	labels := map[string]string{v1.LabelWorkload: w.deployment.Name, v1.LabelFluentd: "true"}
	maps.Copy(labels, p.spec.Labels)
	var annotations map[string]string
	if spec := p.own.spec; spec != nil {
		maps.Copy(labels, spec.Metadata.Labels)
		annotations = spec.Metadata.Annotations
	}
	selector := map[string]string{v1.LabelApp: p.key, v1.LabelDeploymentID: p.deployment.ID()}
	if p.spec.Shadow {
		labels[v1.LabelShadow] = "true"
	}
	labels[v1.LabelManagedBy] = v1.ManagedBy
	maps.Copy(labels, selector)
	p.label(w, labels, selector, annotations)
}

// label writes labels and annotations to the Deployment and to its pods. The
// executor reads its pod's annotations, and so may others: only those that say
// nothing to a pod stay away, since a change of one would restart all pods.
func (p *predictor) label(w *workload, labels, selector, annotations map[string]string) {
	d := w.deployment
	maps.Copy(d.Labels, labels)
	maps.Copy(d.Spec.Template.Labels, labels)
	d.Spec.Selector.MatchLabels = selector
	if w == p.host {
		d.Labels[v1.LabelHoldsExecutor] = "true"
	}
	from := []map[string]string{p.deployment.Spec.Annotations, p.spec.Annotations, annotations}
	if w == p.host {
		from = append(from, p.spec.SvcOrchSpec.Annotations)
	}
	for _, from := range from {
		maps.Copy(d.Annotations, from)
		for key, value := range from {
			if !aboutWays(key) {
				d.Spec.Template.Annotations[key] = value
			}
		}
	}
}

// aboutWays reports whether an annotation says how requests get to the pods, or
// how many there are of them, and nothing of the pods.
func aboutWays(annotation string) bool {
	if strings.HasPrefix(annotation, v1.ScalePrefix) {
		return true
	}
	name, ours := strings.CutPrefix(annotation, "seldon.io/")
	if !ours {
		return false
	}
	has := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	return slices.ContainsFunc([]string{"headless-svc", "svc-name", "traffic-without-pods", "network-policy"}, has) ||
		slices.ContainsFunc(wayRows(), func(w Way) bool { return has(w.Prefix) })
}

// collectDeployments adds the finished Deployments to the result.
func (p *predictor) collectDeployments() error {
	for _, w := range p.components {
		p.addDeployment(w)
	}
	if p.host != nil && p.host.spec == nil {
		p.addDeployment(p.host)
	}
	return nil
}

func (p *predictor) addDeployment(w *workload) {
	pod := w.pod()
	for _, containers := range [][]corev1.Container{pod.InitContainers, pod.Containers} {
		for i := range containers {
			p.mergeDuplicates(&containers[i])
		}
	}
	p.withholdToken(pod)
	p.add(w.deployment)
}

// addVolume adds a volume unless there is one of that name.
func addVolume(pod *corev1.PodSpec, v corev1.Volume) {
	for i := range pod.Volumes {
		if pod.Volumes[i].Name == v.Name {
			return
		}
	}
	pod.Volumes = append(pod.Volumes, v)
}

// addMount mounts a volume unless it is mounted, or its path taken, already.
func addMount(c *corev1.Container, m corev1.VolumeMount) {
	for i := range c.VolumeMounts {
		if c.VolumeMounts[i].Name == m.Name || c.VolumeMounts[i].MountPath == m.MountPath {
			return
		}
	}
	c.VolumeMounts = append(c.VolumeMounts, m)
}
