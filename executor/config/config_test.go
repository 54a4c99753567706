package config

import (
	"encoding/base64"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/graph"
)

func environment(vars map[string]string) Env {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func encoded(json string) string { return base64.StdEncoding.EncodeToString([]byte(json)) }

const model = `{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":{"service_host":"localhost","service_port":9000,"httpPort":9000,"grpcPort":9500}}}`

// The operator passes exactly these.
var operatorArgs = []string{
	"--sdep", "d", "--namespace", "n", "--predictor", "p", "--http_port", "8000", "--grpc_port", "5001",
	"--protocol", "seldon", "--transport", "rest", "--prometheus_path", "/prometheus", "--server_type", "rpc",
	"--log_work_buffer_size", "10000", "--log_write_timeout_ms", "2000", "--full_health_checks=true",
}

func TestOperatorArgs(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "annotations"), `seldon.io/rest-timeout="1500"
kubectl.kubernetes.io/last-applied="{\"a\":\"b=c\"}\n"
seldon.io/grpc-timeout="250"
odd line
seldon.io/grpc-max-message-size="1048576"
`)
	c, err := Load(operatorArgs, environment(map[string]string{
		"ENGINE_PREDICTOR": encoded(model), "RADIANT_PODINFO": dir, "SELDON_LOG_LEVEL": "WARNING",
		"SELDON_ENABLE_ROUTING_INJECTION": "false", "CORS_ALLOWED_ORIGINS": "https://a.example",
		"REQUEST_LOGGER_DEFAULT_ENDPOINT": "http://user:secret@logger:8080/?key=hidden",
	}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTPPort != 8000 || c.GRPCPort != 5001 || c.Deployment != "d" || c.Namespace != "n" || !c.FullHealthChecks {
		t.Errorf("flags were read as %+v", c)
	}
	if c.RESTTimeout != 1500*time.Millisecond || c.GRPCTimeout != 250*time.Millisecond || c.GRPCMaxMessageBytes != 1<<20 {
		t.Errorf("annotations were read as %v, %v, %d", c.RESTTimeout, c.GRPCTimeout, c.GRPCMaxMessageBytes)
	}
	if !c.InjectRouting || c.CORSOrigins != "https://a.example" || c.Level() != slog.LevelWarn {
		t.Errorf("environment was read as %+v", c)
	}
	if c.Predictor.Graph.Endpoint.GRPCPort != 9500 {
		t.Errorf("predictor was read as %+v", c.Predictor)
	}
	if s := c.String(); strings.Contains(s, "secret") || strings.Contains(s, "hidden") || !strings.Contains(s, "http_port=8000") {
		t.Errorf("settings are printed as %s", s)
	}
}

// full has what a Seldon Core v1 operator writes, fields that are of no use
// here and nulls among it.
const full = `{"name":"p","graph":{"name":"ab","implementation":"RANDOM_ABTEST","parameters":[{"name":"ratioA","value":"0.5","type":"FLOAT"}],"children":[
 {"name":"m1","type":"MODEL","implementation":"SKLEARN_SERVER","methods":null,"children":[],"endpoint":{"service_host":"localhost","service_port":9000,"httpPort":9000,"grpcPort":9500,"type":"REST"},
  "modelUri":"gs://b/m","serviceAccountName":"","envSecretRefName":"s","storageInitializerImage":"i","logger":{"mode":"all","url":"http://x"},"parameters":[]},
 {"name":"m2","type":"MODEL","implementation":"UNKNOWN_IMPLEMENTATION","endpoint":{"service_host":"d-m2.n.svc.cluster.local","service_port":9001,"httpPort":9001,"grpcPort":9501,"type":"REST"}}]},
 "componentSpecs":[{"metadata":{"creationTimestamp":null},"spec":{"containers":[{"name":"m1","image":"r:5000/a:1","ports":[{"containerPort":9000,"name":"http"}],"resources":{}}]},
  "hpaSpec":{"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","targetAverageUtilization":10}}]}}],
 "replicas":0,"annotations":{"version":"v1"},"labels":null,"engineResources":{},"svcOrchSpec":{"env":[{"name":"A","value":"b"}],"replicas":1},"traffic":0,"shadow":false,"ssl":{},"progressDeadlineSeconds":null}`

func TestPredictorOfASeldonOperator(t *testing.T) {
	c, err := Load(operatorArgs, environment(map[string]string{"ENGINE_PREDICTOR": encoded(full), "RADIANT_PODINFO": t.TempDir()}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	g := c.Predictor.Graph
	if c.Predictor.Name != "p" || g.Implementation != "RANDOM_ABTEST" || len(g.Children) != 2 || g.Children[0].Endpoint.GRPCPort != 9500 || g.Children[1].Endpoint.ServiceHost != "d-m2.n.svc.cluster.local" {
		t.Errorf("predictor was read as %+v", c.Predictor)
	}
}

func TestDefaults(t *testing.T) {
	c, err := Load([]string{"-sdep=d", "-namespace=n", "-predictor=p"}, environment(map[string]string{"ENGINE_PREDICTOR": encoded(model), "RADIANT_PODINFO": t.TempDir()}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.HTTPPort, c.GRPCPort, c.Protocol, c.GracefulTimeout, c.ShutdownDelay, c.MaxRequestBytes, c.RESTTimeout, c.CORSOrigins, c.InjectRouting}
	want := []any{8080, 5000, "seldon", 15 * time.Second, time.Duration(0), int64(100 << 20), time.Duration(0), "*", false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

const document = `apiVersion: v1
kind: ConfigMap
---
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: main
    graph: &graph
      name: classifier
      type: MODEL
      endpoint: {service_host: localhost, httpPort: 9000}
      parameters:
      - {name: version, value: "0x10", type: STRING}
  - name: canary
    graph:
      <<: *graph
      name: other
`

func TestFile(t *testing.T) {
	for _, name := range []string{"a.yaml", "a.yml"} {
		path := filepath.Join(t.TempDir(), name)
		write(t, path, document)
		c, err := Load([]string{"--file", path, "--predictor", "canary"}, environment(map[string]string{"RADIANT_PODINFO": t.TempDir()}), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if c.Deployment != "iris" || c.Namespace != "default" || c.Predictor.Graph.Name != "other" || c.Predictor.Graph.Endpoint.HTTPPort != 9000 {
			t.Errorf("%s was read as %+v", name, c)
		}
		if v := c.Predictor.Graph.Parameters[0].Value; v != "0x10" {
			t.Errorf("quoted text became %q", v)
		}
	}
}

// TestFileAsUsersWriteIt: a node of which nothing but the server is said is
// called, as it is by way of the operator.
func TestFileAsUsersWriteIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	write(t, path, `kind: SeldonDeployment
metadata: {name: d}
spec:
  predictors:
  - name: p
    graph:
      name: server
      implementation: SKLEARN_SERVER
      children:
      - {name: nothing}
      - {name: other, type: TRANSFORMER, implementation: MY_SERVER}
      - {name: built-in, implementation: RANDOM_ABTEST}
      - {name: transformer, type: TRANSFORMER}
      - {name: methods, methods: [ROUTE]}
      - {name: never, implementation: UNKNOWN_IMPLEMENTATION}
`)
	c, err := Load([]string{"--file", path}, environment(map[string]string{"RADIANT_PODINFO": t.TempDir()}), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]graph.Type{}
	c.Predictor.Graph.Walk(func(_ string, n *graph.Node) { got[n.Name] = n.Type })
	want := map[string]graph.Type{"server": graph.Model, "nothing": graph.Model, "other": graph.Model, "built-in": "",
		"transformer": graph.Transformer, "methods": "", "never": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types differ, -want +got:\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	named := []string{"--sdep=d", "--namespace=n", "--predictor=p"}
	deployment := "kind: SeldonDeployment\nmetadata: {name: d}\nspec:\n  predictors:\n"
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want []string
	}{
		"nothing given":    {nil, nil, []string{"set ENGINE_PREDICTOR or --file", "--sdep is missing", "--namespace is missing", "--predictor is missing"}},
		"empty predictor":  {named, map[string]string{"ENGINE_PREDICTOR": ""}, []string{"no predictor"}},
		"not base64":       {named, map[string]string{"ENGINE_PREDICTOR": "%%"}, []string{"ENGINE_PREDICTOR is not base64"}},
		"not JSON":         {named, map[string]string{"ENGINE_PREDICTOR": encoded("{\n\"name\": }")}, []string{"line 2, column 9", "invalid character"}},
		"wrong type":       {named, map[string]string{"ENGINE_PREDICTOR": encoded(`{"graph":{"children":{}}}`)}, []string{"graph.children"}},
		"kafka":            {append(named, "--server_type=kafka"), nil, []string{"--kafka_broker or KAFKA_BROKER is missing", "KAFKA_INPUT_TOPIC is missing", "KAFKA_OUTPUT_TOPIC is missing"}},
		"transport":        {append(named, "--transport=udp"), nil, []string{`--transport "udp"`}},
		"ports":            {append(named, "--http_port=70000", "--grpc_port=-1"), nil, []string{"--http_port 70000", "--grpc_port -1"}},
		"compat":           {append(named, "--compat=v2"), nil, []string{`--compat (RADIANT_COMPAT) "v2" is unknown: want v1 or nothing`}},
		"limits":           {append(named, "--max_streams=0"), nil, []string{"--max_streams must be positive"}},
		"half a pair":      {named, map[string]string{"RADIANT_NODE_CERT_FILE": "/tls.crt"}, []string{"RADIANT_NODE_KEY_FILE: one is set without the other"}},
		"stray argument":   {append(named, "serve"), nil, []string{`unexpected argument "serve"`}},
		"unknown flag":     {append(named, "--colour=red"), nil, []string{"not defined: -colour"}},
		"file name":        {[]string{"--file=" + file("a.txt", "")}, nil, []string{".yaml, .yml or .json"}},
		"no such file":     {[]string{"--file=" + dir + "/none.yaml"}, nil, []string{"no such file"}},
		"other document":   {[]string{"--file=" + file("b.yaml", "kind: Pod")}, nil, []string{"no document of kind SeldonDeployment"}},
		"broken YAML":      {[]string{"--file=" + file("c.yaml", "kind: a\nb: [\n")}, nil, []string{"line 2"}},
		"no predictors":    {[]string{"--file=" + file("d.yaml", deployment)}, nil, []string{"spec.predictors is empty"}},
		"which predictor":  {[]string{"--predictor=c", "--file=" + file("e.yaml", deployment+"  - name: a\n  - name: b\n")}, nil, []string{`no predictor "c"`, "a, b"}},
		"type in the YAML": {[]string{"--file=" + file("f.yaml", deployment+"  - name: a\n    graph:\n      name: m\n      children:\n        name: x\n")}, nil, []string{"line 9", "spec.predictors.graph.children"}},
		"a key twice":      {[]string{"--file=" + file("g.yaml", deployment+"  - name: a\n    name: b\n")}, nil, []string{"line 6: name is given twice, first in line 5"}},
		"not for JSON":     {[]string{"--file=" + file("h.yaml", deployment+"  - name: a\n    traffic: .nan\n")}, nil, []string{"line 6", ".nan"}},
		"aliases":          {[]string{"--file=" + file("i.yaml", "kind: SeldonDeployment\nspec: &a {predictors: *a}")}, nil, []string{"nested deeper than 200 levels"}},
		"bad annotation":   {named, map[string]string{"ENGINE_PREDICTOR": encoded(model), "RADIANT_PODINFO": filepath.Dir(file("annotations", "seldon.io/rest-timeout=\"soon\"\n"))}, []string{"seldon.io/rest-timeout", `"soon"`}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env["RADIANT_PODINFO"] == "" {
				c.env = with(c.env, "RADIANT_PODINFO", t.TempDir())
			}
			_, err := Load(c.args, environment(c.env), io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is\n%s\nand lacks %q", err, want)
				}
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	if _, err := Load([]string{"-h"}, environment(nil), &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "graceful_timeout") {
		t.Errorf("help is %v, %s", err, out.String())
	}
}

func with(m map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte("kind: SeldonDeployment\nspec: &a {predictors: *a}"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("kind: SeldonDeployment\nx: .nan"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if d, err := decodeDeployment(text); err == nil && d.Kind != "SeldonDeployment" {
			t.Errorf("read a %s", d.Kind)
		}
	})
}
