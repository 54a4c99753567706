package runtime

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func TestEnvIsResolvedAsAKubeletDoes(t *testing.T) {
	field := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	optional := true
	c := &corev1.Container{
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("64Mi")}},
		Env: []corev1.EnvVar{
			{Name: "HOST", Value: "localhost"},
			{Name: "URL", Value: "http://$(HOST):$(PORT)/$$(HOST)$"},
			{Name: "POD", ValueFrom: field("metadata.name")},
			{Name: "LABEL", ValueFrom: field("metadata.labels['version']")},
			{Name: "IP", ValueFrom: field("status.podIP")},
			{Name: "CPUS", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.cpu"}}},
			{Name: "MEMORY", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory", Divisor: resource.MustParse("1Mi")}}},
			{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "t"}}},
			{Name: "MAYBE", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{Key: "t", Optional: &optional}}},
			{Name: "HOST", Value: "127.0.0.1"},
		},
	}
	id := Identity{Name: "mnist-0", Labels: map[string]string{"version": "main"}}
	got, err := Environment(c, id, Shell{"TOKEN=old", "TOKEN=s=1"})
	if err != nil {
		t.Fatal(err)
	}
	want := Variables{
		{"HOST", "127.0.0.1"}, {"URL", "http://localhost:$(PORT)/$(HOST)$"}, {"POD", "mnist-0"}, {"LABEL", "main"},
		{"IP", "127.0.0.1"}, {"CPUS", "2"}, {"MEMORY", "64"}, {"TOKEN", "s=1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestAMissingSecretSaysHowToGiveIt(t *testing.T) {
	c := &corev1.Container{Env: []corev1.EnvVar{{Name: "TOKEN", ValueFrom: &corev1.EnvVarSource{
		SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "vault"}, Key: "t"},
	}}}}
	_, err := Environment(c, Identity{}, nil)
	if err == nil || !strings.Contains(err.Error(), "key t of Secret vault") || !strings.Contains(err.Error(), "set TOKEN in the shell") {
		t.Errorf("got error %v", err)
	}
}
