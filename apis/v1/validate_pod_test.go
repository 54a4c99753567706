package v1

import "testing"

// withComponents is a spec of one predictor with the node m.
func withComponents(components string) string {
	return `{predictors: [{name: p, graph: {name: m}, componentSpecs: ` + components + `}]}`
}

func ownPod(field string) string {
	return `warning: spec.predictors[0].svcOrchSpec.` + field + `: has no effect, since this executor runs in the pod of componentSpecs[0]: write it there, ` +
		`or give the executor a pod of its own by the annotation seldon.io/engine-separate-pod`
}

func TestValidatePods(t *testing.T) {
	check(t, []validateCase{
		{"right", withComponents(`[{metadata: {name: n, labels: {a: b}}, spec: {restartPolicy: Always, volumes: [{name: v, emptyDir: {}}], initContainers: [{name: i, image: i}],
			containers: [{name: m, image: i, ports: [{containerPort: 1, name: http}], volumeMounts: [{name: v, mountPath: /v}, {name: m-provision-location, mountPath: /m}]},
			{name: aside, image: i, ports: [{containerPort: 2, name: http}]}]}}]`), nil},
		{"names", withComponents(`[{spec: {containers: [{name: m, image: i}, {name: m, image: i}, {image: i}, {name: A_B, image: i}]}}]`), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[1].name: container name "m" is given twice in this pod`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[2].name: the container has no name`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[3].name: container name "A_B": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
		}},
		{"images", withComponents(`[{spec: {containers: [{name: m}, {name: aside, image: "i "}]}}]`), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].image: the container "m" has no image`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[1].image: image "i " begins or ends with a blank`,
		}},
		{"in two pods", withComponents(`[{spec: {containers: [{name: m, image: i}, {name: s, image: i}]}}, {spec: {containers: [{name: m, image: i}, {name: s, image: i}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[1].spec.containers[0].name: container "m" is in spec.predictors[0].componentSpecs[0] as well; the node "m" is served by this one`,
		}},
		{"nothing to make", withComponents(`[{spec: {containers: [{name: m, image: i}]}}, {replicas: -1}]`), []string{
			`error: spec.predictors[0].componentSpecs[1].replicas: -1 is negative; write 0 or more`,
			`warning: spec.predictors[0].componentSpecs[1].spec.containers: there are no containers, so nothing is made of this componentSpec`,
		}},
		{"ports, env, resources", withComponents(`[{spec: {containers: [{name: m, image: i, env: [{value: x}],
			ports: [{containerPort: 0, name: http}, {containerPort: 70000, name: http}, {containerPort: 1, name: much_too_long_a_name}],
			resources: {requests: {memory: 2Gi, cpu: 100m}, limits: {memory: 1Gi}}}]}}]`), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].env[0].name: is missing`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].ports[0].containerPort: 0 is not a port number between 1 and 65535`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].ports[1].containerPort: 70000 is not a port number between 1 and 65535`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].ports[1].name: port name "http" is given twice`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].ports[2].name: port name "much_too_long_a_name": must be no more than 15 characters; must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].resources.requests[memory]: the request 2Gi is above the limit 1Gi`,
		}},
		{"variables, mounts", withComponents(`[{spec: {volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}], containers: [{name: m, image: i,
			env: [{name: A.b-c_1}, {name: "MY VAR"}, {name: "A=B"}],
			volumeMounts: [{name: a, mountPath: /x}, {name: b, mountPath: /x}, {name: b}]}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].env[1].name: Kubernetes before 1.34 refuses a variable called "MY VAR"; use letters, digits, _, - and dots`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].env[2].name: variable "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].volumeMounts[1].mountPath: two volumes are mounted at /x; give one of them another path`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].volumeMounts[2].mountPath: is missing`,
		}},
		{"what is said of the executor", `{annotations: {seldon.io/engine-separate-pod: "true"}, predictors: [{name: p, graph: {name: m}, svcOrchSpec: {
			nodeSelector: {a: b}, tolerations: [{operator: Exists}], volumes: [{name: v, emptyDir: {}}], volumeMounts: [{name: v, mountPath: /v}], annotations: {a: b}},
			componentSpecs: [{spec: {containers: [{name: m, image: i}]}}, {spec: {containers: [{name: seldon-container-engine, resources: {limits: {cpu: 1}}}]}}]}]}`, nil},
		{"what is said of an executor beside nodes", `{predictors: [{name: p, graph: {name: m}, svcOrchSpec: {
			nodeSelector: {a: b}, tolerations: [{operator: Exists}], affinity: {}, podSecurityContext: {}, priorityClassName: x, securityContext: {},
			volumeMounts: [{name: vv, mountPath: /v}], annotations: {seldon.io/headless-svc: "true"}},
			componentSpecs: [{spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: m, image: i}]}}]}]}`, []string{
			`warning: spec.predictors[0].svcOrchSpec.annotations[seldon.io/headless-svc]: is not read here; write it in spec.annotations`,
			ownPod("nodeSelector"), ownPod("tolerations"), ownPod("affinity"), ownPod("podSecurityContext"), ownPod("priorityClassName"),
			`warning: spec.predictors[0].svcOrchSpec.volumeMounts[0].name: the pod has no volume "vv"`,
		}},
		{"container of the executor", withComponents(`[{spec: {containers: [{name: m, image: i}, {name: seldon-container-engine, ports: [{containerPort: 8000}], env: [{name: "A=B"}]}]}},
			{hpaSpec: {maxReplicas: 1}, spec: {containers: [{name: seldon-container-engine, image: i, resources: {requests: {cpu: 1}}}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[1].spec.containers[0].name: seldon-container-engine is in spec.predictors[0].componentSpecs[0] as well, which counts`,
			`warning: spec.predictors[0].componentSpecs[1]: the executor's pod is not scaled, and has no disruption budget: hpaSpec, kedaSpec, scaleSpec and pdbSpec have no effect here`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[1].env[0].name: variable "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
		}},
		{"node of the executor's name", `{predictors: [{name: p, graph: {name: seldon-container-engine}, componentSpecs: [{spec: {containers: [{name: seldon-container-engine, image: i}]}}]}]}`, []string{
			`error: spec.predictors[0].graph.name: seldon-container-engine is the name of the executor's container; rename the node`,
		}},
		{"port of another container", withComponents(`[{spec: {containers: [{name: m, image: i},
			{name: aside, image: i, ports: [{containerPort: 9500}, {containerPort: 9000, protocol: UDP}, {containerPort: 9001}]}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[1].ports: port 9500 of the container "aside" is that of the container "m" in the same pod; choose another one`,
		}},
		{"ports of an endpoint", `{predictors: [{name: p, graph: {name: a, endpoint: {httpPort: 9000, grpcPort: 1, service_port: 9500}, children: [
			{name: b, endpoint: {httpPort: 7000, service_port: 7001}}, {name: c, implementation: SIMPLE_MODEL, endpoint: {httpPort: 1}}], type: COMBINER}, ` + containers + `}]}`, []string{
			`warning: spec.predictors[0].graph.children[1].implementation: SIMPLE_MODEL runs inside the executor: the container "c" is never called`,
			`warning: spec.predictors[0].graph.endpoint.grpcPort: 1 has no effect: requests go to 9500; to change that, name a port of the container "grpc"`,
			`warning: spec.predictors[0].graph.children[0].endpoint.httpPort: 7000 has no effect: requests go to 9001; to change that, name a port of the container "http"`,
			`warning: spec.predictors[0].graph.children[0].endpoint.service_port: 7001 has no effect: requests go to 9001; to change that, name a port of the container "http"`,
			`warning: spec.predictors[0].graph.children[1].endpoint.httpPort: 1 has no effect: requests go to 9002; to change that, name a port of the container "http"`,
		}},
		{"port of the executor", withComponents(`[{spec: {containers: [{name: m, image: i, ports: [{name: http, containerPort: 8000}]}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].ports: port 8000 of the container "m" is that of the executor in the same pod; choose another one`,
		}},
		{"port of an executor elsewhere", `{annotations: {seldon.io/engine-separate-pod: "true"}, predictors: [{name: p, graph: {name: m}, componentSpecs: [
			{spec: {containers: [{name: m, image: i, ports: [{name: http, containerPort: 8000}]}]}}]}]}`, nil},
		{"hasty", withComponents(`[{spec: {terminationGracePeriodSeconds: 1, containers: [{name: m, image: i}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.terminationGracePeriodSeconds: in 1 seconds requests under way cannot finish when a pod stops; leave this out, or write 10 or more`,
		}},
		{"volumes", withComponents(`[{spec: {restartPolicy: Never, volumes: [{name: data, emptyDir: {}}, {name: data, emptyDir: {}}], containers: [{name: m, image: i, volumeMounts: [{name: dta, mountPath: /d}]}]}}]`), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.restartPolicy: restartPolicy Never is for jobs; write Always, or leave it out`,
			`error: spec.predictors[0].componentSpecs[0].spec.volumes[1].name: volume name "data" is missing or given twice`,
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].volumeMounts[0].name: the pod has no volume "dta"; did you mean data?`,
		}},
		{"volumes without a source, images with a scheme", withComponents(`[{spec: {containers: [{name: m, image: i}], volumes: [
			{name: a}, {name: b, image: {reference: "oci://registry.example/m:1"}}, {name: c, image: {reference: "registry.example/m:1"}}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.volumes[0]: the volume "a" has no source, such as persistentVolumeClaim: Kubernetes makes an empty folder of it`,
			`warning: spec.predictors[0].componentSpecs[0].spec.volumes[1].image.reference: an image has no scheme, and with oci:// the pod never starts (InvalidImageName); write "registry.example/m:1"`,
		}},
		{"server started by a script", `{predictors: [{name: p, graph: {name: m, implementation: TENSORFLOW_SERVER, modelUri: "gs://m"}, componentSpecs: [{spec: {containers: [
			{name: m, command: [sh, -c], args: [tensorflow_model_server]}]}}]}]}`, []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].command: is a script, to which nothing can be added: what it starts must listen at $PREDICTIVE_UNIT_HTTP_SERVICE_PORT and $PREDICTIVE_UNIT_GRPC_SERVICE_PORT, and read its model from /mnt/models`,
		}},
		{"server started by a program", `{predictors: [{name: p, graph: {name: m, implementation: TENSORFLOW_SERVER, modelUri: "gs://m"}, componentSpecs: [{spec: {containers: [
			{name: tfserving, command: [tensorflow_model_server]}]}}]}]}`, nil},
		{"arguments of a server beside those of the deployment", `{predictors: [{name: p, graph: {name: m, implementation: TENSORFLOW_SERVER, modelUri: "gs://m"}, componentSpecs: [{spec: {containers: [
			{name: m, args: [--enable_batching, -port, "8500"]}]}}]}]}`, []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].args[1]: the value of --port is replaced by the port that the deployment gives: leave it out`,
		}},
	})
}

// TestPortsOfTheInstallation: what is said of ports is true of those that the
// installation chose.
func TestPortsOfTheInstallation(t *testing.T) {
	rules := testRules()
	rules.Ports = Ports{HTTP: 9100, GRPC: 9600, Metrics: 6100}
	rules.MetricsPortName = "stats"
	rules.ExecutorPorts = Ports{HTTP: 8200, GRPC: 5201}
	for _, c := range []struct{ name, port, want string }{
		{"given out", "endpoint: {httpPort: 9100, grpcPort: 9600}", ""},
		{"given out elsewhere", "endpoint: {httpPort: 9000}",
			`warning: spec.predictors[0].graph.endpoint.httpPort: 9000 has no effect: requests go to 9100; to change that, name a port of the container "http"`},
	} {
		d := parse(t, "metadata: {name: d}\nspec: {predictors: [{name: p, graph: {name: m, "+c.port+"}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]}]}")
		if got := Validate(d, rules).Error(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	for port, owner := range map[string]string{"8200": "the executor", "5201": "the executor", "9100": `the container "m"`, "6100": `the container "m"`, "8000": "", "9000": "", "6000": ""} {
		d := parse(t, "metadata: {name: d}\nspec: {predictors: [{name: p, graph: {name: m}, componentSpecs: [{spec: {containers: [{name: m, image: i}, {name: aside, image: i, ports: [{containerPort: "+port+"}]}]}}]}]}")
		want := ""
		if owner != "" {
			want = "warning: spec.predictors[0].componentSpecs[0].spec.containers[1].ports: port " + port + ` of the container "aside" is that of ` + owner + " in the same pod; choose another one"
		}
		if got := Validate(d, rules).Error(); got != want {
			t.Errorf("a container at %s: got %q, want %q", port, got, want)
		}
	}
}
