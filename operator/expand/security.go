package expand

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/manifests"
)

// PodSecurity says what Radiant's containers ask for themselves.
type PodSecurity string

// The ways in which containers are made: as the restricted pod security
// standard of Kubernetes demands, or as Seldon Core v1 made them.
const (
	SecurityRestricted PodSecurity = "restricted"
	SecurityNone       PodSecurity = "none"
)

// PodSecurities lists the ways in which containers are made.
func PodSecurities() []string { return []string{string(SecurityRestricted), string(SecurityNone)} }

// harden gives a container with an image of ours what the restricted standard
// demands, as far as that cannot keep it from running: what may run as root is
// left to do so. The user's own containers, and what the user says of ours, stay
// as they are. A user that is not nil is that of the container.
func (p *predictor) harden(pod *corev1.PodSpec, c *corev1.Container, user *int64) {
	if p.in.Config.PodSecurity != SecurityRestricted || c.SecurityContext != nil {
		return
	}
	c.SecurityContext = &corev1.SecurityContext{RunAsUser: user, AllowPrivilegeEscalation: new(false)}
	whole := pod.SecurityContext
	if whole == nil {
		whole = &corev1.PodSecurityContext{}
	}
	if whole.SeccompProfile == nil {
		c.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	if isNotRoot(whole, c) {
		c.SecurityContext.RunAsNonRoot = new(true)
		// A root without capabilities could not read other users' files.
		c.SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	}
}

// isNotRoot reports whether it is certain that a container does not run as
// root: a kubelet does not start one that does and must not.
func isNotRoot(pod *corev1.PodSecurityContext, c *corev1.Container) bool {
	switch {
	case c.SecurityContext.RunAsUser != nil:
		return *c.SecurityContext.RunAsUser != 0
	case pod.RunAsUser != nil:
		return *pod.RunAsUser != 0
	case pod.RunAsNonRoot != nil:
		return *pod.RunAsNonRoot
	}
	return hasUser(c.Image)
}

// hasUser reports whether an image is one whose user is a number and not
// root's. Those of TensorFlow Serving and Triton are not among them: they run
// as another user where DEFAULT_USER_ID says so.
func hasUser(image string) bool {
	switch name := manifests.ImageName(image); name {
	case "mlserver", "rclone-storage-initializer", "seldon-core-executor":
		return true
	case "executor", "storage-initializer":
		return strings.Contains("/"+image, "/radiant/"+name)
	}
	return false
}
