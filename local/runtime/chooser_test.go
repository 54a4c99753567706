package runtime

import (
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/manifests"
)

func TestImageNames(t *testing.T) {
	for image, want := range map[string]string{
		"nginx":                                       "nginx:latest",
		"tensorflow/serving:2.1.0":                    "tensorflow/serving:2.1.0",
		"docker.io/tensorflow/serving:2.1.0":          "tensorflow/serving:2.1.0",
		"localhost:5000/team/clf":                     "team/clf:latest",
		"nvcr.io/nvidia/tritonserver:21.08-py3":       "nvidia/tritonserver:21.08-py3",
		"seldonio/mlserver:1.7.1-sklearn@sha256:0123": "seldonio/mlserver:1.7.1-sklearn",
	} {
		if got := imageName(image); got != want {
			t.Errorf("imageName(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestEveryRuntimeIsUsable(t *testing.T) {
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, server := range servers.Servers {
		found := false
		for _, r := range servers.Runtimes {
			found = found || matches(r.Images, server.Image)
		}
		if !found {
			t.Errorf("image %s of %s has no runtime", server.Image, name)
		}
	}
	for _, r := range servers.Runtimes {
		if len(r.Commands) == 0 && r.Missing == "" {
			t.Errorf("runtime %s neither has a command nor says what is missing", r.Name)
		}
		for _, c := range r.Commands {
			if strings.HasPrefix(c.Program, "venv:") && c.Packages == "" {
				t.Errorf("runtime %s: %s needs a set of packages", r.Name, c.Program)
			}
			if c.Packages == "" {
				continue
			}
			if _, err := (&Python{files: manifests.Python()}).list(c.Packages); err != nil {
				t.Errorf("runtime %s: %v", r.Name, err)
			}
		}
	}
}
