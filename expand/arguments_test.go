package expand_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/expand"
)

// containerOf expands a deployment and returns one container of its first
// Deployment.
func containerOf(t *testing.T, text, name string) corev1.Container {
	t.Helper()
	objects, err := expand.Expand(input(t, parse(t, text), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		d, ok := o.(*appsv1.Deployment)
		if !ok {
			continue
		}
		for _, c := range d.Spec.Template.Spec.Containers {
			if c.Name == name {
				return c
			}
		}
	}
	t.Fatalf("no container %s", name)
	return corev1.Container{}
}

// TestArgumentsBesideTheUsers: what a server must be told to be reached and to
// find its model stands beside whatever command or arguments the user writes.
func TestArgumentsBesideTheUsers(t *testing.T) {
	const (
		ports  = "--port=9500|--rest_api_port=9000"
		model  = "--model_name=m|--model_base_path=/mnt/models"
		triton = "/opt/tritonserver/bin/tritonserver"
		wiring = "--grpc-port=9500|--http-port=9000|--metrics-port=6000"
	)
	for name, c := range map[string]struct {
		server, protocol, container string
		command, args               []string
	}{
		"nothing": {"TENSORFLOW_SERVER", "seldon", `name: m`, nil, flat(ports, model)},
		"command": {"TENSORFLOW_SERVER", "seldon", `name: m, command: [/usr/bin/tensorflow_model_server]`,
			flat("/usr/bin/tensorflow_model_server"), flat(ports, model)},
		"command of the container that once was": {"TENSORFLOW_SERVER", "seldon", `name: tfserving, command: [/usr/bin/tensorflow_model_server]`,
			flat("/usr/bin/tensorflow_model_server"), flat("--port=9501|--rest_api_port=9001", model)},
		"arguments": {"TENSORFLOW_SERVER", "seldon", `name: m, args: [--enable_batching=true]`,
			nil, flat("--enable_batching=true", ports, model)},
		"both": {"TENSORFLOW_SERVER", "tensorflow", `name: m, command: [tensorflow_model_server], args: [--port, "8500", --enable_batching]`,
			flat("tensorflow_model_server"), flat("--port|9500|--enable_batching", "--rest_api_port=9000", model)},
		"flags in the command": {"TENSORFLOW_SERVER", "seldon", `name: m, command: [tensorflow_model_server, --port=1, --model_base_path=/own]`,
			flat("tensorflow_model_server|--port=9500|--model_base_path=/own"), flat("--rest_api_port=9000|--model_name=m")},
		"own place of the model": {"TENSORFLOW_SERVER", "seldon", `name: m, args: [--model_base_path=/own]`,
			nil, flat("--model_base_path=/own", ports, "--model_name=m")},
		"own name, asked for by it": {"TENSORFLOW_SERVER", "tensorflow", `name: m, args: [--model_name=own]`,
			nil, flat("--model_name=own", ports, "--model_base_path=/mnt/models")},
		"own name, translated": {"TENSORFLOW_SERVER", "seldon", `name: m, args: [--model_name=own]`,
			nil, flat("--model_name=m", ports, "--model_base_path=/mnt/models")},
		"list of models": {"TENSORFLOW_SERVER", "tensorflow", `name: m, args: [--model_config_file=/models.config]`,
			nil, flat("--model_config_file=/models.config", ports)},
		"script": {"TENSORFLOW_SERVER", "seldon", `name: m, command: [/bin/sh, -c], args: ["exec tensorflow_model_server --port=9500"]`,
			flat("/bin/sh|-c"), flat("exec tensorflow_model_server --port=9500")},
		"script in the command": {"TENSORFLOW_SERVER", "seldon", `name: m, command: [bash, -ec, "sleep 1; tensorflow_model_server"]`,
			flat("bash|-ec|sleep 1; tensorflow_model_server"), nil},
		"program that hands its arguments on": {"TENSORFLOW_SERVER", "seldon", `name: m, command: [/usr/bin/tf_serving_entrypoint.sh]`,
			flat("/usr/bin/tf_serving_entrypoint.sh"), flat(ports, model)},
		"Triton, command": {"TRITON_SERVER", "v2", `name: m, command: [tritonserver]`,
			flat("tritonserver"), flat(wiring, "--model-repository=/mnt/models")},
		"Triton, flags without the program": {"TRITON_SERVER", "v2", `name: m, args: [--log-verbose=1]`,
			nil, flat(triton, "--log-verbose=1", wiring, "--model-repository=/mnt/models")},
		"Triton, the program alone": {"TRITON_SERVER", "v2", `name: m, args: [tritonserver]`,
			nil, flat("tritonserver", wiring, "--model-repository=/mnt/models")},
		"Triton, the repository's other name": {"TRITON_SERVER", "v2", `name: m, args: [tritonserver, --model-store=/own]`,
			nil, flat("tritonserver|--model-store=/own", wiring)},
	} {
		t.Run(name, func(t *testing.T) {
			got := containerOf(t, fmt.Sprintf(`
metadata: {name: d}
spec:
  protocol: %s
  predictors: [{name: p, graph: {name: m, implementation: %s, modelUri: "gs://m"}, componentSpecs: [{spec: {containers: [{%s}]}}]}]`,
				c.protocol, c.server, c.container), "m")
			if diff := cmp.Diff(c.command, got.Command); diff != "" {
				t.Errorf("command differs, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.args, got.Args); diff != "" {
				t.Errorf("arguments differ, -want +got:\n%s", diff)
			}
		})
	}
}

// TestArgumentsByParameters: parameters of the node reach a server that fetches
// its model itself also where the user writes arguments.
func TestArgumentsByParameters(t *testing.T) {
	got := containerOf(t, `
metadata: {name: d}
spec:
  protocol: v2
  annotations: {seldon.io/no-storage-initializer: "true"}
  predictors:
  - name: p
    graph:
      name: m
      implementation: TRITON_SERVER
      modelUri: s3://r
      parameters: [{name: load_model, type: STRING, value: a}, {name: load_model, type: STRING, value: b},
        {name: model_control_mode, type: STRING, value: explicit}]
    componentSpecs: [{spec: {containers: [{name: m, command: [tritonserver], args: [--model-control-mode=poll]}]}}]`, "m")
	want := flat("--model-control-mode=poll|--grpc-port=9500|--http-port=9000|--metrics-port=6000", "--model-repository=s3://r",
		"--load-model=a|--load-model=b")
	if diff := cmp.Diff(want, got.Args); diff != "" {
		t.Errorf("arguments differ, -want +got:\n%s", diff)
	}
}

// flat joins lists whose items are parted by bars.
func flat(lists ...string) []string { return strings.Split(strings.Join(lists, "|"), "|") }
