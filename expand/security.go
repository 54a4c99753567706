package expand

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
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

// harden gives a container that Radiant adds what the restricted pod security
// standard demands, as far as the container still runs with it: one that may need
// root keeps it. Fields that the user has set, and the user's own containers, stay
// as they are. If user is not nil, the container runs as that user id.
func (p *predictor) harden(pod *corev1.PodSpec, c *corev1.Container, user *int64) {
	if p.in.Config.PodSecurity != SecurityRestricted || c.SecurityContext != nil {
		return
	}
	whole := pod.SecurityContext
	if whole == nil {
		whole = &corev1.PodSecurityContext{}
	}
	if own := p.in.Config.PodSecurityUser; own != 0 && user == nil && whole.RunAsUser == nil && users()[imagePath(c.Image)].any {
		user = new(own)
	}
	c.SecurityContext = &corev1.SecurityContext{RunAsUser: user, AllowPrivilegeEscalation: new(false)}
	if whole.SeccompProfile == nil {
		c.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	if isNotRoot(whole, c) {
		c.SecurityContext.RunAsNonRoot = new(true)
		// A root without capabilities could not read other users' files.
		c.SecurityContext.Capabilities = &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	}
	if users()[imagePath(c.Image)].writesNothing {
		c.SecurityContext.ReadOnlyRootFilesystem = new(true)
	}
}

// withholdToken keeps the token of the pod's account from a pod in which nobody
// asks the API server for anything: one whose images are all known. Where the
// user names an account, or says whether there is a token, that counts: programs
// that others inject may need it.
func (p *predictor) withholdToken(pod *corev1.PodSpec) {
	if p.in.Config.PodSecurity != SecurityRestricted || pod.AutomountServiceAccountToken != nil ||
		pod.ServiceAccountName != "" && pod.ServiceAccountName != defaultAccount {
		return
	}
	isForeign := func(c corev1.Container) bool {
		_, known := users()[imagePath(c.Image)]
		return !known
	}
	if !slices.ContainsFunc(pod.Containers, isForeign) && !slices.ContainsFunc(pod.InitContainers, isForeign) {
		pod.AutomountServiceAccountToken = new(false)
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
	return users()[imagePath(c.Image)].own
}

// imageUser is what is known of an image. Of others nothing is: they may have to
// run as root.
type imageUser struct {
	// own is true where the image's user is a number, and not root's.
	own bool
	// any is true for images that begin as root and work as another user.
	any bool
	// writesNothing is true of programs that write into volumes alone.
	writesNothing bool
}

// users is what is known of images, by their last two names.
func users() map[string]imageUser {
	return map[string]imageUser{
		"radiant/executor":            {own: true, writesNothing: true},
		"radiant/storage-initializer": {own: true, writesNothing: true},
		"radiant/onnx-server":         {own: true, writesNothing: true},
		// PyTorch makes a folder for its caches before it reads what torch.export wrote.
		"radiant/torch-server":                {own: true},
		"radiant/bento-server":                {own: true},
		"seldonio/mlserver":                   {own: true},
		"seldonio/rclone-storage-initializer": {own: true},
		"seldonio/alibiexplainer":             {any: true},
		"tensorflow/serving":                  {any: true},
		"nvidia/tritonserver":                 {any: true},
	}
}

// imagePath is the last two names of an image, without tag and digest.
func imagePath(image string) string {
	image, _, _ = strings.Cut(image, "@")
	folder, name := path.Split(image)
	name, _, _ = strings.Cut(name, ":")
	return path.Base(folder) + "/" + name
}
