package v1

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

func parse(t *testing.T, text string) *SeldonDeployment {
	t.Helper()
	d := &SeldonDeployment{}
	if err := yaml.UnmarshalStrict([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func testServers() map[string]manifests.Server {
	all := []string{"seldon", "tensorflow", "v2"}
	return map[string]manifests.Server{
		"SKLEARN_SERVER": {Protocol: "v2", Outside: all, Image: "docker.io/seldonio/mlserver:1-sklearn", Refresh: manifests.RefreshMLServer},
		"TENSORFLOW_SERVER": {Protocol: "tensorflow", Outside: all, Image: "tensorflow/serving:2", Args: []string{"--port={grpcPort}"},
			Versions: &manifests.Versions{Args: []string{"--port={grpcPort}", "--model_config_file={modelConfig}"}}, OwnModels: []string{"--model_config_file"}, Refresh: manifests.RefreshFolder,
			Proxied: &manifests.Proxied{Container: "tfserving", Images: []string{"tfserving-proxy"}}},
		"HUGGINGFACE_SERVER": {Protocol: "v2", Outside: []string{"seldon", "v2"}, Image: "mlserver:1-hf", ModelURIOptional: true},
		"FLAG_SERVER": {Protocol: "v2", Outside: all, Image: "flags:1", Refresh: manifests.RefreshTriton,
			Direct: &manifests.Direct{Parameters: map[string]string{"load_model": "--load-model"}}},
		"IMAGE_SERVER": {Outside: all, Image: "example/server:1"},
	}
}

// testRules are those of an installation that says nothing of ports.
func testRules() ValidateOptions {
	return ValidateOptions{
		WayAnnotations: []WayAnnotation{{Name: "seldon.io/istio-gateway"}, {Name: "seldon.io/istio-retries-timeout", Number: true}},
		DefaultOptions: DefaultOptions{Ports: UnitPorts(), MetricsPortName: MetricsPortName, Servers: testServers()},
		ExecutorPorts:  ExecutorPorts(),
	}
}

func defaulted(t *testing.T, text string) *SeldonDeployment {
	t.Helper()
	d := parse(t, text)
	Default(d, testRules().DefaultOptions)
	return d
}

// endpoints lists what the executor is told of each node.
func endpoints(p *PredictorSpec) map[string]graph.Endpoint {
	found := map[string]graph.Endpoint{}
	p.Graph.Walk(func(_ string, n *graph.Node) {
		if n.Endpoint != nil {
			found[n.Name] = *n.Endpoint
		}
	})
	return found
}

func TestDefaultPorts(t *testing.T) {
	d := defaulted(t, `
metadata: {name: d, namespace: ns}
spec:
  predictors:
  - name: main
    componentSpecs:
    - spec:
        containers:
        - {name: sidecar}
        - {name: a}
    - spec:
        containers:
        - name: b
          ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 8081}]
    graph:
      name: a
      children:
      - {name: b, endpoint: {type: GRPC, service_host: ignored, httpPort: 1}}
      - {name: p, implementation: SKLEARN_SERVER}
  - name: canary
    componentSpecs:
    - spec:
        containers:
        - {name: c}
        - {name: a}
    graph:
      name: a
      children: [{name: c}]
`)
	want := []map[string]graph.Endpoint{{
		"a": {ServiceHost: "localhost", ServicePort: 9001, HTTPPort: 9001, GRPCPort: 9501},
		"b": {ServiceHost: "d-main-b.ns.svc.cluster.local", ServicePort: 9502, HTTPPort: 8080, GRPCPort: 9502, Type: "GRPC"},
		"p": {ServiceHost: "localhost", ServicePort: 9003, HTTPPort: 9003, GRPCPort: 9503, Protocol: "v2"},
	}, {
		"a": {ServiceHost: "localhost", ServicePort: 9001, HTTPPort: 9001, GRPCPort: 9501},
		"c": {ServiceHost: "localhost", ServicePort: 9004, HTTPPort: 9004, GRPCPort: 9504},
	}}
	for i := range want {
		if diff := cmp.Diff(want[i], endpoints(&d.Spec.Predictors[i])); diff != "" {
			t.Errorf("predictor %d, endpoints (-want +got):\n%s", i, diff)
		}
	}

	metrics := map[string]int32{}
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		for j := range p.ComponentSpecs {
			for k := range p.ComponentSpecs[j].Spec.Containers {
				c := &p.ComponentSpecs[j].Spec.Containers[k]
				metrics[p.Name+"/"+c.Name] = PortNamed(c, "metrics")
			}
		}
	}
	wantMetrics := map[string]int32{
		"main/sidecar": 0, "main/a": 6000, "main/b": 8081, "main/p": 6001, "canary/c": 6002, "canary/a": 6003,
	}
	if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
		t.Errorf("metrics ports (-want +got):\n%s", diff)
	}
}

// TestDefaultPortsOfTheEnvironment: a server listens where its variables say,
// so that is where requests must go.
func TestDefaultPortsOfTheEnvironment(t *testing.T) {
	d := defaulted(t, `
metadata: {name: d}
spec:
  predictors:
  - name: p
    componentSpecs:
    - spec:
        containers:
        - name: a
          env:
          - {name: PREDICTIVE_UNIT_HTTP_SERVICE_PORT, value: "7000"}
          - {name: PREDICTIVE_UNIT_HTTP_SERVICE_PORT, value: "7001"}
          - {name: MLSERVER_HTTP_PORT, value: "7002"}
          - {name: MLSERVER_GRPC_PORT, value: "7003"}
          - {name: MLSERVER_METRICS_PORT, value: "7004"}
        - name: b
          ports: [{name: http, containerPort: 8080}, {containerPort: 6000}]
          env:
          - {name: MLSERVER_HTTP_PORT, value: "7005"}
          - {name: PREDICTIVE_UNIT_GRPC_SERVICE_PORT, value: "none"}
        - name: c
    graph: {name: a, children: [{name: b}, {name: c}]}
`)
	p := &d.Spec.Predictors[0]
	want := map[string]graph.Endpoint{
		"a": {ServiceHost: "localhost", ServicePort: 7001, HTTPPort: 7001, GRPCPort: 7003},
		"b": {ServiceHost: "localhost", ServicePort: 8080, HTTPPort: 8080, GRPCPort: 9501},
		"c": {ServiceHost: "localhost", ServicePort: 9002, HTTPPort: 9002, GRPCPort: 9502},
	}
	if diff := cmp.Diff(want, endpoints(p)); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	for i, metrics := range []int32{7004, 6001, 6002} { // b uses 6000 for something else.
		if got := PortNamed(&p.ComponentSpecs[0].Spec.Containers[i], "metrics"); got != metrics {
			t.Errorf("container %d has metrics at %d, want %d", i, got, metrics)
		}
	}
}

func TestDefaultContainer(t *testing.T) {
	d := defaulted(t, `
metadata: {name: d}
spec:
  predictors:
  - name: p
    componentSpecs:
    - spec:
        containers:
        - name: m
          volumeMounts:
          - {name: podinfo, mountPath: /etc/podinfo}
          - {name: data, mountPath: /data}
        - {name: aside}
    graph: {name: m}
`)
	if d.Namespace != "default" {
		t.Errorf("namespace %q", d.Namespace)
	}
	p := d.Spec.Predictors[0]
	if diff := cmp.Diff(map[string]string{"version": "p"}, p.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	want := []corev1.Container{{
		Name:                     "m",
		ImagePullPolicy:          "IfNotPresent",
		TerminationMessagePath:   "/dev/termination-log",
		TerminationMessagePolicy: "File",
		Ports:                    []corev1.ContainerPort{{Name: "metrics", ContainerPort: 6000, Protocol: "TCP"}},
		VolumeMounts: []corev1.VolumeMount{
			{Name: "data", MountPath: "/data"},
			{Name: "seldon-podinfo", MountPath: "/etc/podinfo"},
		},
	}, {Name: "aside"}}
	if diff := cmp.Diff(want, p.ComponentSpecs[0].Spec.Containers); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
}

func TestDefaultKeepsUsersVolumeOfTheOldName(t *testing.T) {
	mounts := mountPodInfo([]corev1.VolumeMount{{Name: "podinfo", MountPath: "/mine"}, {Name: "x", MountPath: "/x"}})
	want := []corev1.VolumeMount{
		{Name: "podinfo", MountPath: "/mine"},
		{Name: "x", MountPath: "/x"},
		{Name: "seldon-podinfo", MountPath: "/etc/podinfo"},
	}
	if diff := cmp.Diff(want, mounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
}

func TestDefaultTypes(t *testing.T) {
	d := defaulted(t, `
metadata: {name: d}
spec:
  predictors:
  - name: p
    graph:
      name: bare
      children:
      - {name: router, type: ROUTER}
      - {name: methods, methods: [ROUTE]}
      - {name: none, implementation: UNKNOWN_IMPLEMENTATION}
      - {name: ab, implementation: RANDOM_ABTEST}
      - {name: server, implementation: SKLEARN_SERVER, type: TRANSFORMER}
`)
	type kind struct {
		Type           graph.Type
		Implementation string
	}
	got := map[string]kind{}
	d.Spec.Predictors[0].Graph.Walk(func(_ string, n *graph.Node) { got[n.Name] = kind{n.Type, n.Implementation} })
	want := map[string]kind{
		"bare":    {graph.Model, "UNKNOWN_IMPLEMENTATION"},
		"router":  {graph.Router, "UNKNOWN_IMPLEMENTATION"},
		"methods": {"", "UNKNOWN_IMPLEMENTATION"},
		"none":    {"", "UNKNOWN_IMPLEMENTATION"},
		"ab":      {"", "RANDOM_ABTEST"},
		"server":  {graph.Model, "SKLEARN_SERVER"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

func TestDefaultServersShareThePodOfTheFirstSpec(t *testing.T) {
	d := defaulted(t, `
metadata: {name: d}
spec:
  predictors:
  - name: p
    componentSpecs:
    - spec: {containers: [{name: t}]}
    - spec: {containers: [{name: own, resources: {limits: {cpu: 1}}}]}
    graph:
      name: t
      children:
      - {name: one, implementation: SKLEARN_SERVER, children: [{name: two, implementation: TENSORFLOW_SERVER}]}
      - {name: own, implementation: SKLEARN_SERVER}
  - name: bare
    graph: {name: three, implementation: SKLEARN_SERVER}
`)
	var got [][]string
	for _, p := range d.Spec.Predictors {
		for _, spec := range p.ComponentSpecs {
			names := []string{}
			for _, c := range spec.Spec.Containers {
				names = append(names, c.Name)
			}
			got = append(got, names)
		}
	}
	want := [][]string{{"t", "one", "two"}, {"own"}, {"three"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	if host := d.Spec.Predictors[0].Graph.Children[1].Endpoint.ServiceHost; host != "d-p-own.default.svc.cluster.local" {
		t.Errorf("host of the server in the second spec: %q", host)
	}
}

func TestDefaultSeparateExecutor(t *testing.T) {
	const text = `
metadata: {name: d}
spec:
  annotations: {seldon.io/engine-separate-pod: "True"}
  transport: grpc
  predictors:
  - name: p
    graph: {name: m, implementation: SKLEARN_SERVER}
`
	e := defaulted(t, text).Spec.Predictors[0].Graph.Endpoint
	if e.ServiceHost != "d-p-m.default.svc.cluster.local" || e.ServicePort != 9500 {
		t.Errorf("endpoint %+v", *e)
	}
}

func TestDefaultWireProtocol(t *testing.T) {
	for _, c := range []struct{ outside, implementation, image, set, want string }{
		{"", "TENSORFLOW_SERVER", "", "", "tensorflow"},
		{"seldon", "TENSORFLOW_SERVER", "tensorflow/serving:2-gpu", "", "tensorflow"},
		{"seldon", "SKLEARN_SERVER", "", "", "v2"},
		{"seldon", "SKLEARN_SERVER", "mirror.example:5000/mlserver:0@sha256:0", "", "v2"},
		{"seldon", "SKLEARN_SERVER", "seldonio/sklearnserver:1.17.1", "", ""},
		{"seldon", "SKLEARN_SERVER", "seldonio/sklearnserver:1.17.1", "v2", "v2"},
		{"tensorflow", "SKLEARN_SERVER", "", "", "v2"},
		{"tensorflow", "TENSORFLOW_SERVER", "", "", ""},
		{"v2", "TENSORFLOW_SERVER", "", "", "tensorflow"},
		{"v2", "SKLEARN_SERVER", "", "", ""},
		{"kfserving", "SKLEARN_SERVER", "", "", ""},
		{"seldon", "IMAGE_SERVER", "", "", ""},
		{"seldon", "NOT_LISTED", "", "", ""},
	} {
		d := &SeldonDeployment{Spec: SeldonDeploymentSpec{Protocol: Protocol(c.outside), Predictors: []PredictorSpec{{
			Name:           "p",
			Graph:          graph.Node{Name: "m", Implementation: c.implementation, Endpoint: &graph.Endpoint{Protocol: c.set}},
			ComponentSpecs: []SeldonPodSpec{{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "m", Image: c.image}}}}},
		}}}}
		Default(d, testRules().DefaultOptions)
		if got := d.Spec.Predictors[0].Graph.Endpoint.Protocol; got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

func TestDefaultOptions(t *testing.T) {
	d := parse(t, "metadata: {name: d}\nspec: {predictors: [{name: p, graph: {name: m, implementation: SKLEARN_SERVER}}]}")
	Default(d, DefaultOptions{Ports: Ports{HTTP: 1, GRPC: 2, Metrics: 3}, MetricsPortName: "stats"})
	p := &d.Spec.Predictors[0]
	if e := p.Graph.Endpoint; e.HTTPPort != 1 || e.GRPCPort != 2 {
		t.Errorf("endpoint %+v", *e)
	}
	if port := PortNamed(&p.ComponentSpecs[0].Spec.Containers[0], "stats"); port != 3 {
		t.Errorf("metrics port %d", port)
	}
}
