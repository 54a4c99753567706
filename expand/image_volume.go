package expand

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// ImageVolumes says whether models of oci:// are mounted by the kubelet as volumes of the
// kind image, in the place of a copy. Container runtimes mount images; containerd refuses
// artifacts that are none, which the copy takes: nobody can tell by the URI. So it is said
// by who knows what is in the registry.
type ImageVolumes string

const (
	// NeverImageVolumes copies.
	NeverImageVolumes ImageVolumes = "never"
	// AutoImageVolumes mounts where the cluster takes such volumes and the node has
	// nothing that only the copy heeds.
	AutoImageVolumes ImageVolumes = "auto"
	// AlwaysImageVolumes mounts whatever the version of the cluster is, and with the
	// credentials that pods have for images in the place of the node's Secret.
	AlwaysImageVolumes ImageVolumes = "always"
)

// imageReference is the image that is mounted as the model of n into c; empty: the model
// is copied.
func (p *predictor) imageReference(n *graph.Node, pod *corev1.PodSpec, c *corev1.Container) string {
	s := &p.in.Config.Storage
	way := s.ImageVolumes
	if text, ok := p.deployment.Annotation(v1.AnnotationImageVolumes); ok && way != "" {
		way = ImageVolumes(text)
	}
	reference, isImage := v1.ImageReference(n.ModelURI)
	switch {
	case !isImage, way != AutoImageVolumes && way != AlwaysImageVolumes:
		return ""
	case n.ModelRefresh != "", n.StorageInitializerImage != "", hasOwnWay(n, p.downloadName(pod, n), pod, c), !v1.NamesRegistry(reference):
		return "" // That is about the copy, which heeds it.
	case way == AutoImageVolumes && (s.WithoutImageVolumes || n.EnvSecretRefName != ""):
		return ""
	}
	return reference
}

// hasOwnWay reports whether the user has a volume, or an init container, for the model.
func hasOwnWay(n *graph.Node, name string, pod *corev1.PodSpec, c *corev1.Container) bool {
	place := cut(n.Name, volumeSuffix)
	return modelMount(c) != nil || initContainer(pod, cut(name, initializerSuffix)) != nil ||
		slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == place })
}

// pullPolicy is the one that Kubernetes takes by itself. A kubelet that always pulls does so
// when a container starts again, too: it would not start while the registry is away, and may
// find another model.
func pullPolicy(reference string) corev1.PullPolicy {
	_, tag, hasTag := strings.Cut(reference[strings.LastIndex(reference, "/")+1:], ":")
	if !strings.Contains(reference, "@") && (!hasTag || tag == "latest") {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// mountImage mounts an image as the model of c.
func mountImage(pod *corev1.PodSpec, c *corev1.Container, name, reference string) {
	mount := corev1.VolumeMount{Name: cut(name, volumeSuffix), MountPath: modelDir, ReadOnly: true}
	addVolume(pod, corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{
		Image: &corev1.ImageVolumeSource{Reference: reference, PullPolicy: pullPolicy(reference)},
	}})
	addMount(c, mount)
}
