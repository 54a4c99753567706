package expand_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// TestImageVolumes: a model is mounted where the installation, or the deployment, says so
// and nothing is said that only the copy heeds; else it is copied.
func TestImageVolumes(t *testing.T) {
	const image, digest = "registry.example/m:v1", "registry.example/m@sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
	old := func(c *expand.Config) { c.Storage.WithoutImageVolumes = true }
	local := func(c *expand.Config) { c.Storage.ImageVolumes = "" }
	for _, c := range []struct {
		name, installed, annotated, uri, node, pod string
		change                                     func(*expand.Config)
		want                                       corev1.PullPolicy
	}{
		{name: "nobody says", uri: image},
		{name: "never", installed: "never", uri: image},
		{name: "auto", installed: "auto", uri: image, want: corev1.PullIfNotPresent},
		{name: "a digest", installed: "auto", uri: digest, want: corev1.PullIfNotPresent},
		{name: "the latest", installed: "auto", uri: "registry.example/m:latest", want: corev1.PullAlways},
		{name: "always", installed: "always", uri: image, want: corev1.PullIfNotPresent},
		{name: "the deployment", annotated: "auto", uri: image, want: corev1.PullIfNotPresent},
		{name: "but not the deployment", installed: "always", annotated: "never", uri: image},
		{name: "auto on an old cluster", installed: "auto", uri: image, change: old},
		{name: "auto of the deployment on an old cluster", annotated: "auto", uri: image, change: old},
		{name: "always on an old cluster", installed: "always", uri: image, change: old, want: corev1.PullIfNotPresent},
		{name: "on a laptop", annotated: "always", uri: image, change: local},
		{name: "a port", installed: "auto", uri: "registry:5000/m", want: corev1.PullAlways},
		{name: "this machine", installed: "auto", uri: "localhost/m:v1", want: corev1.PullIfNotPresent},
		{name: "runtimes take the registry for a folder", installed: "always", uri: "registry/m:v1"},
		{name: "a folder behind the tag", installed: "always", uri: image + "/1"},
		{name: "large letters", installed: "always", uri: "registry.example/M:v1"},
		{name: "a tag and a digest", installed: "auto", uri: image + digest[len("registry.example/m"):], want: corev1.PullIfNotPresent},
		{name: "an own Secret", installed: "auto", uri: image, node: "envSecretRefName: s"},
		{name: "an own Secret that does not count", installed: "always", uri: image, node: "envSecretRefName: s", want: corev1.PullIfNotPresent},
		{name: "an own program", installed: "always", uri: image, node: "storageInitializerImage: x"},
		{name: "new versions", installed: "always", uri: image, node: "modelRefresh: 60s"},
		{name: "an own volume", installed: "always", uri: image, pod: "{volumes: [{name: v, emptyDir: {}}], containers: [{name: m, volumeMounts: [{name: v, mountPath: /mnt/models}]}]}"},
		{name: "an own volume by its name", installed: "always", uri: image, pod: "{volumes: [{name: m-provision-location, emptyDir: {}}], containers: [{name: m}]}"},
		{name: "an own init container", installed: "always", uri: image, pod: "{initContainers: [{name: m-model-initializer, image: x}], containers: [{name: m}]}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := fmt.Sprintf(`{apiVersion: machinelearning.seldon.io/v1, kind: SeldonDeployment, metadata: {name: d}, spec: {predictors: [{name: p,
				graph: {name: m, implementation: TENSORFLOW_SERVER, modelUri: "oci://%s", %s}, componentSpecs: [{spec: %s}]}]}}`,
				c.uri, c.node, cmp.Or(c.pod, "{containers: [{name: m}]}"))
			d := parse(t, text)
			if c.annotated != "" {
				d.Spec.Annotations = map[string]string{v1.AnnotationImageVolumes: c.annotated}
			}
			in := input(t, d, map[string]string{"IMAGE_VOLUMES": c.installed})
			if c.change != nil {
				c.change(&in.Config)
			}
			objects, err := expand.Expand(in)
			if err != nil {
				t.Fatal(err)
			}
			pod := firstDeployment(t, objects).Spec.Template.Spec
			var mounted *corev1.ImageVolumeSource
			var names []string
			for _, volume := range pod.Volumes {
				if volume.Image != nil {
					mounted = volume.Image
				}
				names = append(names, volume.Name)
			}
			copies := slices.ContainsFunc(pod.InitContainers, func(c corev1.Container) bool { return c.Name == "m-model-initializer" })
			if c.want == "" {
				if mounted != nil || !copies {
					t.Fatalf("the model is mounted from %v, and copied: %v", mounted, copies)
				}
				return
			}
			if mounted == nil || mounted.Reference != c.uri || mounted.PullPolicy != c.want || copies {
				t.Fatalf("%v is mounted, and a model copied: %v; want %s, %s", mounted, copies, c.uri, c.want)
			}
			server := pod.Containers[slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == "m" })]
			at := slices.IndexFunc(server.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == v1.ModelDir })
			if at < 0 || !server.VolumeMounts[at].ReadOnly || !slices.Contains(names, server.VolumeMounts[at].Name) || strings.Contains(server.VolumeMounts[at].SubPath, "/") {
				t.Errorf("the server has %+v, the pod the volumes %v", server.VolumeMounts, names)
			}
		})
	}
}
