package runtime

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestMountPathsBecomeFolders(t *testing.T) {
	list := []Mount{{path: "/mnt/models/extra", dir: "/tmp/x"}, {path: "/mnt/models", dir: "/home/u/m"}}
	for text, want := range map[string]string{
		"/mnt/models":                   "/home/u/m",
		"/mnt/models/1/saved_model.pb":  "/home/u/m/1/saved_model.pb",
		"--model_base_path=/mnt/models": "--model_base_path=/home/u/m",
		`[{"name":"model_uri","value":"/mnt/models","type":"STRING"}]`: `[{"name":"model_uri","value":"/home/u/m","type":"STRING"}]`,
		"/mnt/models/extra/a:/mnt/models/b":                            "/tmp/x/a:/home/u/m/b",
		"/mnt/modelsX":                                                 "/mnt/modelsX",
		"/data/mnt/models":                                             "/data/mnt/models",
		"file:///mnt/models/of/this/machine":                           "file:///mnt/models/of/this/machine",
		"https://example.com/mnt/models/m.tar":                         "https://example.com/mnt/models/m.tar",
		"nothing here":                                                 "nothing here",
	} {
		if got := LocalPaths(text, list); got != want {
			t.Errorf("LocalPaths(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestVolumesBecomeFolders(t *testing.T) {
	root := t.TempDir()
	spec := &corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "models", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "podinfo", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
			Items: []corev1.DownwardAPIVolumeFile{{Path: "annotations", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations"}}},
		}}},
		{Name: "cert", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}},
	}}
	id := Identity{Annotations: map[string]string{"b": "say \"hi\"\n", "a": "k=v"}}

	volumes, err := Volumes(spec, id, root, map[string]string{"cert": root})
	if err != nil {
		t.Fatal(err)
	}
	if err := MakeVolumes(volumes); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "podinfo", "annotations"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a=\"k=v\"\nb=\"say \\\"hi\\\"\\n\"", string(got)); diff != "" {
		t.Errorf("annotations file (-want +got):\n%s", diff)
	}
	RemoveVolumes(volumes)
	if _, err := os.Stat(filepath.Join(root, "models")); !os.IsNotExist(err) {
		t.Errorf("the folder of an emptyDir was left behind: %v", err)
	}
	if _, err := os.Stat(root); err != nil {
		t.Errorf("a folder of the user was removed: %v", err)
	}
}

func TestWhatALaptopHasNotIsNamed(t *testing.T) {
	spec := &corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "cert", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "tls"}}},
		{Name: "conf", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}},
		{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "models"}}},
	}}
	_, err := Volumes(spec, Identity{}, t.TempDir(), nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Secret tls", "--volume cert=DIR", "ConfigMap settings", "PersistentVolumeClaim models", "--volume data=DIR"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}
