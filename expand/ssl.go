package expand

import (
	corev1 "k8s.io/api/core/v1"
)

const certVolume = "seldon-cert-volume"

// mountCertificates mounts the predictor's certificate into all containers of
// the executor's pod and of the pod that serves the root of the graph.
func (p *predictor) mountCertificates() error {
	if p.spec.SSL == nil || p.spec.NoExecutor() {
		return nil
	}
	p.mountCertificate(p.host)
	for _, w := range p.components {
		if w != p.host && w.container(p.spec.Graph.Name) != nil {
			p.mountCertificate(w)
		}
	}
	return nil
}

func (p *predictor) mountCertificate(w *workload) {
	pod, path := w.pod(), p.in.Config.CertMountPath
	addVolume(pod, corev1.Volume{Name: certVolume, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: p.spec.SSL.CertSecretName},
	}})
	for i := range pod.Containers {
		c := &pod.Containers[i]
		addMount(c, corev1.VolumeMount{Name: certVolume, MountPath: path, ReadOnly: true})
		c.Env = setEnv(c.Env, envCertPath, path)
	}
}
