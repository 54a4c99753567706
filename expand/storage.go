package expand

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
)

const (
	initializerSuffix = "-model-initializer"
	volumeSuffix      = v1.VolumeSuffix

	claimScheme = "pvc://"
	claimVolume = "kfserving-pvc-source"
	claimDir    = "/mnt/pvc"

	// maxLabel is the longest name of a container or a volume.
	maxLabel = 63
)

// download is a model on its way into a container.
type download struct {
	uri string
	// name begins the names of the init container and the volume.
	name   string
	image  string
	secret string
	// account is the service account whose Secrets open the store.
	account string
	// volume is the volume that it goes to; empty: one of its own. within is its
	// folder there, where it is one of several.
	volume, within string
	// refresh are the arguments by which the program goes on beside the server and
	// brings new versions; nil: it ends when the model is there.
	refresh []string
	// starts is the node whose server starts with one version of its model, and keeps it;
	// nil: it finds all that is brought.
	starts *graph.Node
}

// fetchModels adds an init container for each node that has a modelUri and a
// container to hand the files to.
func (p *predictor) fetchModels() error {
	var errs []error
	for _, w := range p.components {
		pod := w.pod()
		for i := range pod.Containers {
			n := p.nodes[pod.Containers[i].Name]
			if n == nil || n.ModelURI == "" || p.fetchesItself(n) {
				continue
			}
			if reference := p.imageReference(n, pod, &pod.Containers[i]); reference != "" {
				mountImage(pod, &pod.Containers[i], n.Name, reference)
				continue
			}
			below := p.refreshedBelow(n)
			var starts *graph.Node
			if p.startsWithVersion(n) {
				starts = n
			}
			err := p.fetch(pod, &pod.Containers[i], download{
				uri:     belowURI(n.ModelURI, below),
				within:  below,
				name:    p.downloadName(pod, n),
				image:   n.StorageInitializerImage,
				secret:  n.EnvSecretRefName,
				account: cmp.Or(n.ServiceAccountName, pod.ServiceAccountName, defaultAccount),
				refresh: p.refreshArgs(n, &pod.Containers[i]),
				starts:  starts,
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("node %q: %w", n.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// downloadName is the container's name, or that of the container which the
// node's server once had, where the user wrote an init container for that one.
func (p *predictor) downloadName(pod *corev1.PodSpec, n *graph.Node) string {
	if server, stock := p.server(n); stock && server.Proxied != nil && p.speaks(n) != p.outside() {
		if initContainer(pod, server.Proxied.Container+initializerSuffix) != nil {
			return server.Proxied.Container
		}
	}
	return n.Name
}

// fetch adds the init container that fetches d, and mounts what it fetched
// into c. Where the user mounts a volume there already, the files go to it.
func (p *predictor) fetch(pod *corev1.PodSpec, c *corev1.Container, d download) error {
	mount := corev1.VolumeMount{Name: cmp.Or(d.volume, cut(d.name, volumeSuffix)), MountPath: modelDir}
	if own := modelMount(c); own != nil {
		mount = *own
		mount.ReadOnly = false
	}
	name := cut(d.name, initializerSuffix)
	if own := initContainer(pod, name); own != nil {
		// The user's own way to fetch the model. It may name the volume too.
		if m := modelMount(own); m != nil {
			mount.Name = m.Name
		}
	} else {
		initializer := p.initializer(name, d)
		addMount(&initializer, mount)
		p.addCredentials(pod, &initializer, d.account)
		p.harden(pod, &initializer, nil)
		if place, ok := strings.CutPrefix(d.uri, claimScheme); ok {
			source, err := mountClaim(pod, place, &initializer, c)
			if err != nil {
				return err
			}
			initializer.Args[0] = source
		}
		refreshes(&initializer, d.refresh)
		if d.starts != nil {
			startWith(&initializer, d.starts)
			mount.SubPath = path.Join(mount.SubPath, discovery.StartName)
			if own := modelMount(c); own != nil {
				own.SubPath = mount.SubPath
			}
		}
		pod.InitContainers = append(pod.InitContainers, initializer)
	}
	addVolume(pod, corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{},
	}})
	mount.ReadOnly = true
	addMount(c, mount)
	return nil
}

// modelMount is where a container has its model; nil: nothing is mounted there.
func modelMount(c *corev1.Container) *corev1.VolumeMount {
	for i := range c.VolumeMounts {
		if strings.TrimRight(c.VolumeMounts[i].MountPath, "/") == modelDir {
			return &c.VolumeMounts[i]
		}
	}
	return nil
}

func (p *predictor) initializer(name string, d download) corev1.Container {
	c := corev1.Container{
		Name:                     name,
		Image:                    cmp.Or(d.image, p.in.Config.Storage.Image),
		ImagePullPolicy:          corev1.PullIfNotPresent,
		Args:                     []string{d.uri, path.Join(modelDir, d.within)},
		Resources:                *p.in.Config.Storage.Resources.DeepCopy(),
		TerminationMessagePath:   corev1.TerminationMessagePathDefault,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	if secret := p.envSecret(d.secret); secret != "" {
		c.EnvFrom = envFromSecret(secret)
	}
	return c
}

// envSecret names the Secret that opens a model's store, or is empty.
func (p *predictor) envSecret(own string) string { return cmp.Or(own, p.in.Config.Storage.EnvSecret) }

// mountClaim mounts the volume claim of "claim/path" into both containers and
// returns the place of path.
func mountClaim(pod *corev1.PodSpec, uri string, initializer, c *corev1.Container) (source string, err error) {
	claim, path, _ := strings.Cut(uri, "/")
	if claim == "" {
		return "", fmt.Errorf("modelUri %q names no volume claim: write pvc://CLAIM/PATH", claimScheme+uri)
	}
	volume := sharedVolume(pod, claimVolume, corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	})
	mount := corev1.VolumeMount{Name: volume, MountPath: claimDir, ReadOnly: true}
	addMount(initializer, mount)
	addMount(c, mount)
	return claimDir + "/" + path, nil
}

// sharedVolume returns the name of the pod's volume with that source, and adds
// it under a name that begins with base where there is none yet.
func sharedVolume(pod *corev1.PodSpec, base string, source corev1.VolumeSource) string {
	used := map[string]bool{}
	for i := range pod.Volumes {
		v := &pod.Volumes[i]
		used[v.Name] = true
		if strings.HasPrefix(v.Name, base) && equality.Semantic.DeepEqual(v.VolumeSource, source) {
			return v.Name
		}
	}
	name := base
	for i := 2; used[name]; i++ {
		name = base + "-" + strconv.Itoa(i)
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	return name
}

func initContainer(pod *corev1.PodSpec, name string) *corev1.Container {
	for i := range pod.InitContainers {
		if pod.InitContainers[i].Name == name {
			return &pod.InitContainers[i]
		}
	}
	return nil
}

// cut joins the two parts of a container's or a volume's name, as far as there
// is room. A name that leaves no room for the suffix is cut itself: the result
// must differ from it.
func cut(name, suffix string) string {
	if len(name) >= maxLabel-1 {
		return name[:maxLabel-len(suffix)] + suffix
	}
	joined := name + suffix
	if len(joined) > maxLabel {
		joined = strings.TrimRight(joined[:maxLabel], "-")
	}
	return joined
}
