package expand_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
)

func parse(t *testing.T, text string) *v1.SeldonDeployment {
	t.Helper()
	var d v1.SeldonDeployment
	if err := yaml.UnmarshalStrict([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func TestExpandRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		predictors string
		want       []string
	}{
		"unknown server": {
			`[{name: p, graph: {name: m, implementation: SKLERN_SERVER, modelUri: /m}}]`,
			[]string{`predictor "p"`, `node "m"`, "SKLERN_SERVER is not a prepackaged server", "SKLEARN_SERVER", `give container "m" an image`},
		},
		"protocol of another image": {
			`[{name: p, graph: {name: m, implementation: SKLEARN_SERVER, modelUri: /m, endpoint: {protocol: tensorflow}}}]`,
			[]string{`node "m"`, "endpoint.protocol is tensorflow, but the image of SKLEARN_SERVER speaks v2"},
		},
		"nothing translates": {
			`[{name: p, annotations: {seldon.io/no-engine: "true"}, graph: {name: m, implementation: SKLEARN_SERVER, modelUri: /m}}]`,
			[]string{`node "m"`, "SKLEARN_SERVER speaks v2", "from seldon", "seldon.io/no-engine", "set spec.protocol to v2"},
		},
		"claim without a name": {
			`[{name: p, graph: {name: m, implementation: SKLEARN_SERVER, modelUri: "pvc:///m"}}]`,
			[]string{`node "m"`, `"pvc:///m" names no volume claim`, "pvc://CLAIM/PATH"},
		},
		"name of the executor": {
			`[{name: p, graph: {name: seldon-container-engine}, componentSpecs: [{spec: {containers: [{name: seldon-container-engine, image: x}]}}]}]`,
			[]string{`predictor "p"`, "seldon-container-engine is that of the executor's container: rename the node"},
		},
		"unknown explainer": {
			`[{name: p, graph: {name: m, type: MODEL}, componentSpecs: [{spec: {containers: [{name: m, image: m}]}}], explainer: {type: Magic}}]`,
			[]string{`explainer: type "Magic" is unknown`, "AnchorTabular"},
		},
		"one service for two predictors": {
			`[{name: a, graph: {name: b, implementation: SKLEARN_SERVER, modelUri: /m}}, {name: a-b, graph: {name: c, implementation: SKLEARN_SERVER, modelUri: /m}}]`,
			[]string{`predictor "a-b"`, `Service d-a-b is made by predictor "a" already`},
		},
		"all predictors": {
			`[{name: p, graph: {name: m, implementation: A}}, {name: q, graph: {name: other, implementation: B}}]`,
			[]string{`predictor "p"`, `node "m"`, `predictor "q"`, `node "other"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			protocol := "seldon"
			if strings.Contains(name, "explainer") {
				protocol = "v2"
			}
			d := parse(t, fmt.Sprintf("metadata: {name: d}\nspec: {protocol: %s, predictors: %s}", protocol, c.predictors))
			objects, err := expand.Expand(input(t, d, nil))
			if err == nil {
				t.Fatalf("got %d objects and no error", len(objects))
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q: %v", want, err)
				}
			}
		})
	}
}

func TestExpandRefusesBadSetting(t *testing.T) {
	d := parse(t, `
metadata: {name: d, annotations: {seldon.io/executor-logger-queue-size: many}}
spec: {predictors: [{name: p, graph: {name: m, implementation: SIMPLE_MODEL}}]}`)
	_, err := expand.Expand(input(t, d, nil))
	if err == nil || !strings.Contains(err.Error(), `annotation seldon.io/executor-logger-queue-size: "many" is not a whole number`) {
		t.Errorf("got error %v", err)
	}
}

// TestPlaces moves everything to one host and to ports of its choice, as on a
// laptop, and follows one number through all the places it shows up in.
func TestPlaces(t *testing.T) {
	d := parse(t, `
metadata: {name: d}
spec:
  predictors:
  - name: p
    componentSpecs:
    - spec:
        containers:
        - name: a
          image: example/a:1
          ports: [{name: http, containerPort: 8080}]
          readinessProbe: {httpGet: {path: /ok, port: 8080}}
          livenessProbe: {tcpSocket: {port: http}}
          env: [{name: PREDICTIVE_UNIT_HTTP_SERVICE_PORT, value: "8080"}, {name: OTHER, value: "8080"}]
    - spec:
        containers: [{name: tf}, {name: sk}]
    graph:
      name: a
      type: TRANSFORMER
      children:
      - {name: tf, implementation: TENSORFLOW_SERVER, modelUri: /m}
      - {name: sk, implementation: SKLEARN_SERVER, modelUri: /m}
    explainer: {type: ALE}
`)
	ports := map[string]expand.Ports{
		"a":  {HTTP: 30001, GRPC: 30002, Metrics: 30003},
		"tf": {HTTP: 30011, GRPC: 30012, Metrics: 30013},
		"sk": {HTTP: 30021, GRPC: 30022},

		"d-p-explainer": {HTTP: 30041},
	}
	in := input(t, d, nil)
	in.Places = expand.Places{
		Host:      func(_, _ string) string { return "127.0.0.1" },
		Container: func(_, container string) expand.Ports { return ports[container] },
		Executor:  func(string) expand.Ports { return expand.Ports{HTTP: 30031, GRPC: 30032} },
	}
	objects, err := expand.Expand(in)
	if err != nil {
		t.Fatal(err)
	}
	check(t, objects)

	containers, services := map[string]corev1.Container{}, map[string][]int32{}
	var encoded string
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			for _, c := range o.Spec.Template.Spec.Containers {
				containers[c.Name] = c
			}
			encoded += enginePredictor(o)
		case *corev1.Service:
			for _, p := range o.Spec.Ports {
				services[o.Name] = append(services[o.Name], p.Port, p.TargetPort.IntVal)
			}
		}
	}
	wantServices := map[string][]int32{
		"d-p":           {30031, 30031, 30032, 30032},
		"d-p-a":         {30001, 30001, 30002, 30002},
		"d-p-tf":        {30011, 30011, 30012, 30012},
		"d-p-sk":        {30021, 30021, 30022, 30022},
		"d-p-explainer": {30041, 30041},
	}
	if diff := cmp.Diff(wantServices, services); diff != "" {
		t.Errorf("services, -want +got:\n%s", diff)
	}
	wantEndpoints := map[string]graph.Endpoint{
		"a":  {ServiceHost: "localhost", ServicePort: 30001, HTTPPort: 30001, GRPCPort: 30002},
		"tf": {ServiceHost: "127.0.0.1", ServicePort: 30011, HTTPPort: 30011, GRPCPort: 30012, Protocol: "tensorflow"},
		"sk": {ServiceHost: "127.0.0.1", ServicePort: 30021, HTTPPort: 30021, GRPCPort: 30022, Protocol: "v2"},
	}
	if diff := cmp.Diff(wantEndpoints, endpoints(t, encoded)); diff != "" {
		t.Errorf("endpoints, -want +got:\n%s", diff)
	}
	a := containers["a"]
	if got := a.ReadinessProbe.HTTPGet.Port.IntVal; got != 30001 {
		t.Errorf("the user's probe stays at port %d", got)
	}
	if got := a.LivenessProbe.TCPSocket.Port.StrVal; got != "http" {
		t.Errorf("the probe of a named port became %q", got)
	}
	wantEnv(t, a, map[string]string{
		"PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "30001", "PREDICTIVE_UNIT_SERVICE_PORT": "30001", "OTHER": "8080",
		"PREDICTIVE_UNIT_GRPC_SERVICE_PORT": "30002", "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "30003",
	})
	wantEnv(t, containers["sk"], map[string]string{
		"MLSERVER_HTTP_PORT": "30021", "MLSERVER_GRPC_PORT": "30022", "MLSERVER_METRICS_PORT": "6002",
	})
	wantArgs := []string{"--port=30012", "--rest_api_port=30011", "--model_name=tf", "--model_base_path=/mnt/models"}
	if diff := cmp.Diff(wantArgs, containers["tf"].Args); diff != "" {
		t.Errorf("arguments, -want +got:\n%s", diff)
	}
	engine := containers[expand.ExecutorContainer]
	if got := strings.Join(engine.Args, " "); !strings.Contains(got, "--http_port 30031 --grpc_port 30032") {
		t.Errorf("executor's arguments: %s", got)
	}
	if got := engine.ReadinessProbe.HTTPGet.Port.IntVal; got != 30031 {
		t.Errorf("the executor is probed at port %d", got)
	}
	if got := strings.Join(containers["d-p-explainer"].Args, " "); !strings.Contains(got, "--predictor_host=127.0.0.1:30031 --protocol=seldon.http --http_port=30041") {
		t.Errorf("explainer's arguments: %s", got)
	}
}

func endpoints(t *testing.T, encoded string) map[string]graph.Endpoint {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var predictor struct{ Graph graph.Node }
	if err := json.Unmarshal(text, &predictor); err != nil {
		t.Fatal(err)
	}
	found := map[string]graph.Endpoint{}
	predictor.Graph.Walk(func(_ string, n *graph.Node) { found[n.Name] = *n.Endpoint })
	return found
}

func wantEnv(t *testing.T, c corev1.Container, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, e := range c.Env {
		if _, ok := want[e.Name]; ok {
			got[e.Name] = e.Value
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment of %s, -want +got:\n%s", c.Name, diff)
	}
}

// TestNoSecretReachesTheExecutor: what a container or a store needs to know is
// not repeated where more people can read it.
func TestNoSecretReachesTheExecutor(t *testing.T) {
	in := readInput(t, "testdata/secrets.in.yaml")
	objects, err := expand.Expand(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(enginePredictor(firstDeployment(t, objects)))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"literal-secret", "API_KEY", "password", "iris-store", "s3://"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("ENGINE_PREDICTOR holds %q: %s", secret, text)
		}
	}
}

func TestMarshalOwner(t *testing.T) {
	d := parse(t, "metadata: {name: d}\nspec: {predictors: [{name: p, graph: {name: m, implementation: SIMPLE_MODEL}}]}")
	for uid, want := range map[types.UID]bool{"": false, "6f1c": true} {
		in := input(t, d, nil)
		in.Deployment.UID = uid
		objects, err := expand.Expand(in)
		if err != nil {
			t.Fatal(err)
		}
		text, err := expand.Marshal(objects)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "ownerReferences"); got != want {
			t.Errorf("uid %q: owner references written: %t, want %t", uid, got, want)
		}
	}
}
