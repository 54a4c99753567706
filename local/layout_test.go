package local

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
)

// layoutOf lays out a pod of one container that sees /mnt/models.
func layoutOf(t *testing.T, ch *runtime.Chooser, c corev1.Container) (*podLayout, error) {
	t.Helper()
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	ch.Runtimes = servers.Runtimes
	if ch.Engine == nil {
		ch.Engine = func() string { return "" }
	}
	c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "models", MountPath: "/mnt/models", ReadOnly: true})
	d := &appsv1.Deployment{}
	d.Name = "pod"
	d.Spec.Template.Spec = corev1.PodSpec{
		Containers: []corev1.Container{c},
		Volumes:    []corev1.Volume{{Name: "models", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
	}
	p := &layouts{chooser: ch, shell: runtime.Shell{"HOME=/home/u"}, fileDir: "/files"}
	return p.pod(d, origin{deployment: "d", predictor: "main", root: "/state"})
}

func TestStandIns(t *testing.T) {
	const models = "/state/volumes/models"
	venv := func(name string) string { return filepath.Join("/venv/bin", name) }
	for name, c := range map[string]struct {
		container corev1.Container
		program   string
		args      []string
		env       []string // some of it
		packages  string
	}{
		"TensorFlow Serving": {
			corev1.Container{Image: "tensorflow/serving:2.1.0", Args: []string{"--port=1", "--model_base_path=/mnt/models"}},
			venv("python"), []string{"/files/tensorflow_server.py", "--port=1", "--model_base_path=" + models}, nil, "tensorflow",
		},
		"TensorFlow Serving with its command": {
			corev1.Container{Image: "tensorflow/serving", Command: []string{"/usr/bin/tensorflow_model_server"}, Args: []string{"--port=$(PORT)"}, Env: []corev1.EnvVar{{Name: "PORT", Value: "7"}}},
			venv("python"), []string{"/files/tensorflow_server.py", "--port=7"}, nil, "tensorflow",
		},
		"MLServer": {
			corev1.Container{Image: "seldonio/mlserver:1.3.5-xgboost", Env: []corev1.EnvVar{
				{Name: "MLSERVER_MODEL_URI", Value: "/mnt/models"}, {Name: "MLSERVER_PARALLEL_WORKERS", Value: "2"}}},
			venv("mlserver"), []string{"start", models},
			[]string{"HOME=/home/u", "MLSERVER_HOST=127.0.0.1", "MLSERVER_PARALLEL_WORKERS=2", "MLSERVER_MODEL_URI=" + models}, "mlserver-xgboost",
		},
		"MLServer with its command": {
			corev1.Container{Image: "docker.io/seldonio/mlserver:1.7.1-sklearn", Command: []string{"mlserver", "start", "/mnt/models/sub"}},
			venv("mlserver"), []string{"start", models + "/sub"}, []string{"MLSERVER_PARALLEL_WORKERS=0"}, "mlserver-sklearn",
		},
	} {
		t.Run(name, func(t *testing.T) {
			layout, err := layoutOf(t, &runtime.Chooser{VenvDir: "/venv"}, c.container)
			if err != nil {
				t.Fatal(err)
			}
			got := layout.containers[0]
			if got.command.Program != c.program {
				t.Errorf("program %s, want %s", got.command.Program, c.program)
			}
			if diff := cmp.Diff(c.args, got.command.Args); diff != "" {
				t.Errorf("args (-want +got):\n%s", diff)
			}
			if got.choice.Command.Packages != c.packages {
				t.Errorf("packages %q, want %q", got.choice.Command.Packages, c.packages)
			}
			all := "\n" + strings.Join(got.command.Env, "\n") + "\n"
			for _, want := range c.env {
				if !strings.Contains(all, "\n"+want+"\n") {
					t.Errorf("%s is not in the environment:%s", want, all)
				}
			}
		})
	}
}

func TestAForeignCommandInAKnownImage(t *testing.T) {
	c := corev1.Container{Name: "m", Image: "seldonio/mlserver:1.7.1-sklearn", Command: []string{"python", "/app/own.py"}}
	_, err := layoutOf(t, &runtime.Chooser{VenvDir: "/venv"}, c)
	if err == nil || !strings.Contains(err.Error(), `its command "python" is not one that MLServer (sklearn) here can stand in for`) {
		t.Errorf("got error %v", err)
	}
}

func TestAnEngineRunsImages(t *testing.T) {
	user := int64(8888)
	c := corev1.Container{
		Name: "clf", Image: "example.com/clf:1", Command: []string{"python", "-m", "serve"}, Args: []string{"/mnt/models", "$(TOKEN)"},
		Env: []corev1.EnvVar{{Name: "TOKEN", Value: "secret"}}, WorkingDir: "/app", SecurityContext: &corev1.SecurityContext{RunAsUser: &user},
	}
	layout, err := layoutOf(t, &runtime.Chooser{Engine: func() string { return "/usr/bin/docker" }}, c)
	if err != nil {
		t.Fatal(err)
	}
	got := layout.containers[0]
	want := process.Command{
		Program: "/usr/bin/docker",
		Args: []string{"run", "--rm", "--name", "radiant-pod-local-clf", "--network", "host", "--env", "TOKEN",
			"--volume", "/state/volumes/models:/mnt/models:ro", "--workdir", "/app", "--user", "8888", "--entrypoint", "python",
			"example.com/clf:1", "-m", "serve", "/mnt/models", "secret"},
		Env: []string{"HOME=/home/u", "TOKEN=secret"},
	}
	if diff := cmp.Diff(want, got.command); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"rm", "--force", "radiant-pod-local-clf"}, got.cleanup.Args); diff != "" {
		t.Errorf("clean up (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"exec", "radiant-pod-local-clf", "cat", "/ready"}, got.within([]string{"cat", "/ready"}).Args); diff != "" {
		t.Errorf("probe (-want +got):\n%s", diff)
	}
}

// Pages of the browser read nothing from an executor's own port, unless the
// deployment says so.
func TestTheExecutorAllowsNoPages(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "executor"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	const setting = "CORS_ALLOWED_ORIGINS"
	for want, env := range map[string][]corev1.EnvVar{"none": nil, "https://a.example": {{Name: setting, Value: "https://a.example"}}} {
		layout, err := layoutOf(t, &runtime.Chooser{BinDir: bin}, corev1.Container{Image: "radiant/executor:1", Env: env})
		if err != nil {
			t.Fatal(err)
		}
		if got := layout.containers[0].command.Env; !slices.Contains(got, setting+"="+want) {
			t.Errorf("the environment is %q, want %s", got, want)
		}
	}
}
