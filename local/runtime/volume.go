package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Volume is a pod's volume as a folder of this machine.
type Volume struct {
	dir string
	// own is set for folders that radiant makes and removes.
	own bool
	// files are written into the folder before the pod starts.
	files map[string]string
}

// Dir is the volume's folder.
func (v Volume) Dir() string { return v.dir }

// Mount shows a folder inside a container.
type Mount struct {
	path string // inside the container, without a slash at the end
	dir  string
	read bool // read-only
}

// Volumes turns the pod's volumes into folders below root. What a
// laptop has not (Secrets, ConfigMaps, claims) must be among the given ones,
// by the volume's name; all that are missing are reported at once.
func Volumes(spec *corev1.PodSpec, id Identity, root string, given map[string]string) (map[string]Volume, error) {
	volumes := map[string]Volume{}
	var errs []error
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		resolved, err := resolveVolume(v, id, filepath.Join(root, v.Name), given)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		volumes[v.Name] = resolved
	}
	for i := range spec.Containers {
		localize(&spec.Containers[i], spec.Volumes, volumes)
	}
	return volumes, errors.Join(errs...)
}

// localize replaces paths of the container in files that it is given by an annotation
// of its own, such as the configuration of a server, by those of this machine.
func localize(c *corev1.Container, all []corev1.Volume, volumes map[string]Volume) {
	list, err := Mounts(c, volumes)
	if err != nil {
		return // It is told where the container is made.
	}
	for i := range all {
		v := &all[i]
		if v.DownwardAPI == nil || !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name }) {
			continue
		}
		for _, item := range v.DownwardAPI.Items {
			if content, ok := volumes[v.Name].files[item.Path]; ok && item.FieldRef != nil && strings.HasPrefix(item.FieldRef.FieldPath, "metadata.annotations['") {
				volumes[v.Name].files[item.Path] = LocalPaths(content, list)
			}
		}
	}
}

func resolveVolume(v *corev1.Volume, id Identity, dir string, given map[string]string) (Volume, error) {
	if folder, ok := given[v.Name]; ok {
		return Volume{dir: folder}, nil
	}
	switch {
	case v.EmptyDir != nil, v.VolumeSource == corev1.VolumeSource{}:
		return Volume{dir: dir, own: true}, nil
	case v.HostPath != nil:
		return Volume{dir: v.HostPath.Path}, nil
	case v.DownwardAPI != nil:
		files := map[string]string{}
		for _, item := range v.DownwardAPI.Items {
			if item.FieldRef == nil {
				continue
			}
			value, err := fieldValue(item.FieldRef.FieldPath, id)
			if err != nil {
				return Volume{}, fmt.Errorf("volume %s: file %s: %w", v.Name, item.Path, err)
			}
			files[item.Path] = value
		}
		return Volume{dir: dir, own: true, files: files}, nil
	case v.Secret != nil:
		return missingVolume(v, dir, "Secret "+v.Secret.SecretName, v.Secret.Optional)
	case v.ConfigMap != nil:
		return missingVolume(v, dir, "ConfigMap "+v.ConfigMap.Name, v.ConfigMap.Optional)
	case v.PersistentVolumeClaim != nil:
		return missingVolume(v, dir, "PersistentVolumeClaim "+v.PersistentVolumeClaim.ClaimName, nil)
	}
	return missingVolume(v, dir, "kind of volume", nil)
}

func missingVolume(v *corev1.Volume, dir, what string, optional *bool) (Volume, error) {
	if optional != nil && *optional {
		return Volume{dir: dir, own: true}, nil
	}
	return Volume{}, fmt.Errorf("volume %s needs a %s, which exists in a cluster only; give a folder in its place: --volume %s=DIR", v.Name, what, v.Name)
}

// WriteAnnotations writes the files that hold all annotations of a pod anew, which
// running containers read.
func WriteAnnotations(template *corev1.PodTemplateSpec, volumes map[string]Volume) error {
	for i := range template.Spec.Volumes {
		v := &template.Spec.Volumes[i]
		if v.DownwardAPI == nil || !volumes[v.Name].own {
			continue
		}
		for _, item := range v.DownwardAPI.Items {
			if item.FieldRef == nil || item.FieldRef.FieldPath != "metadata.annotations" {
				continue
			}
			path := volumes[v.Name].path(item.Path)
			if err := os.WriteFile(path+".new", []byte(quotedMap(template.Annotations)), 0o644); err != nil {
				return fmt.Errorf("writing annotations: %w", err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				return fmt.Errorf("writing annotations: %w", err)
			}
		}
	}
	return nil
}

// path is where a file of the volume is.
func (v Volume) path(file string) string {
	return filepath.Join(v.dir, filepath.FromSlash(filepath.Clean("/"+file)))
}

// MakeVolumes creates the folders that are radiant's own, empty, and writes
// their files.
func MakeVolumes(volumes map[string]Volume) error {
	for name, v := range volumes {
		if !v.own {
			if _, err := os.Stat(v.dir); err != nil {
				return fmt.Errorf("volume %s: %w", name, err)
			}
			continue
		}
		if err := os.RemoveAll(v.dir); err != nil {
			return fmt.Errorf("clearing volume %s: %w", name, err)
		}
		if err := os.MkdirAll(v.dir, 0o755); err != nil {
			return fmt.Errorf("making volume %s: %w", name, err)
		}
		for file, content := range v.files {
			path := v.path(file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return fmt.Errorf("making volume %s: %w", name, err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				return fmt.Errorf("making volume %s: %w", name, err)
			}
		}
	}
	return nil
}

// RemoveVolumes deletes the folders that MakeVolumes made.
func RemoveVolumes(volumes map[string]Volume) {
	for _, v := range volumes {
		if v.own {
			_ = os.RemoveAll(v.dir) // Left over files only take space.
		}
	}
}

// Mounts lists the folders that a container sees, longest path first.
func Mounts(c *corev1.Container, volumes map[string]Volume) ([]Mount, error) {
	var (
		list []Mount
		errs []error
	)
	for _, m := range c.VolumeMounts {
		v, ok := volumes[m.Name]
		if !ok {
			errs = append(errs, fmt.Errorf("it mounts volume %s, which the pod does not define", m.Name))
			continue
		}
		list = append(list, Mount{
			path: strings.TrimRight(m.MountPath, "/"),
			dir:  filepath.Join(v.dir, filepath.FromSlash(filepath.Clean("/"+m.SubPath))),
			read: m.ReadOnly,
		})
	}
	slices.SortStableFunc(list, func(a, b Mount) int { return len(b.path) - len(a.path) })
	return list, errors.Join(errs...)
}

// LocalPaths replaces the paths of mounts in a text by those of their
// folders. A path counts where it stands as a whole or is followed by more of
// it; inside of a longer path or a URL it is left alone.
func LocalPaths(text string, list []Mount) string {
	if len(list) == 0 || !strings.Contains(text, "/") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		m, ok := mountAt(text, i, list)
		if !ok {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(m.dir)
		i += len(m.path)
	}
	return b.String()
}

func mountAt(text string, i int, list []Mount) (Mount, bool) {
	if text[i] != '/' || i > 0 && isPath(text[i-1]) {
		return Mount{}, false
	}
	for _, m := range list {
		if m.path == "" || !strings.HasPrefix(text[i:], m.path) {
			continue
		}
		end := i + len(m.path)
		if end == len(text) || text[end] == '/' || !isPath(text[end]) {
			return m, true
		}
	}
	return Mount{}, false
}

// isPath reports whether c may be part of a file's path.
func isPath(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("/._-+@~%", c) >= 0
}
