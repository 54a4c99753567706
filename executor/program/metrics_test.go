package program

import (
	"encoding/base64"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/tests/kit/metrics"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/metrics.md")

// TestMetricsAreWrittenDown: docs/metrics.md lists what an executor shows, and an
// executor that has all to show, shows each metric that the code has.
func TestMetricsAreWrittenDown(t *testing.T) {
	shown := busyExecutor(t)
	maps.Copy(shown, scraped(t, start(t, map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString([]byte(`{"name":"p","graph":{
		"name":"bandit","implementation":"EPSILON_GREEDY","children":[
			{"name":"guard","implementation":"QUANTILE_DETECTOR","children":[
				{"name":"rules","implementation":"RULES_ROUTER","parameters":[{"name":"rules","type":"STRING","value":"a: true"}],"children":[{"name":"a","implementation":"SIMPLE_MODEL"}]}]},
			{"name":"quick","implementation":"FIRST_COMBINER","children":[{"name":"steps","implementation":"TENSOR_TRANSFORMER","parameters":[{"name":"steps","type":"STRING","value":"softmax"}]}]},
			{"name":"watch","implementation":"DRIFT_DETECTOR","modelUri":"there","children":[{"name":"b","implementation":"SIMPLE_MODEL"}]}]}}`)),
		"RADIANT_PODINFO": t.TempDir(), "RADIANT_NODE_FILES": watchedFiles(t)})))
	maps.Copy(shown, scraped(t, start(t, map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString([]byte(`{"name":"p","graph":{
		"name":"m","type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":9,"protocol":"v2"},"versionTraffic":{"3":100}}}`)), "RADIANT_PODINFO": t.TempDir()})))
	maps.Copy(shown, refreshedExecutor(t))
	helps := map[string]bool{}
	for _, f := range shown {
		helps[f.GetHelp()] = true
		if len(f.GetMetric()) == 0 {
			t.Errorf("%s has no series", f.GetName())
		}
	}
	for help, where := range helpTexts(t, "..") {
		if !helps[help] {
			t.Errorf("%s: no executor of this test shows the metric %q; make one that does", where, help)
		}
	}
	const page = "../../docs/metrics.md"
	metrics.Hold(t, page, "requests and nodes", metrics.Of(shown, "seldon_api_", "radiant_executor_server_", "radiant_executor_client_"), *update)
	var others []metrics.Metric
	for _, m := range metrics.Of(shown, "radiant_executor_", "radiant_model_") {
		if !strings.HasPrefix(m.Name, "radiant_executor_server_") && !strings.HasPrefix(m.Name, "radiant_executor_client_") {
			others = append(others, m)
		}
	}
	metrics.Hold(t, page, "the executor", others, *update)
}

// refreshedExecutor scrapes an executor whose node has modelRefresh, when it has asked
// the server for its versions.
func refreshedExecutor(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"model_version_status":[{"version":"8","state":"LOADING","status":{}},{"version":"7","state":"AVAILABLE","status":{}}]}`)
	}))
	t.Cleanup(server.Close)
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	address := start(t, map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"name":"p","graph":{
		"name":"m","type":"MODEL","modelRefresh":"60s","endpoint":{"service_host":%q,"httpPort":%s,"protocol":"tensorflow"}}}`, host, port)), "RADIANT_PODINFO": t.TempDir()})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		families := scraped(t, address)
		f := families["radiant_model_version"]
		if f == nil && time.Now().Before(deadline) {
			continue
		}
		said := map[string]string{}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			said[labels["model_name"]+" "+labels["version"]] = labels["state"]
		}
		if want := map[string]string{"m 7": "AVAILABLE", "m 8": "LOADING"}; !maps.Equal(said, want) {
			t.Errorf("radiant_model_version says %v, want %v", said, want)
		}
		return families
	}
}

// watchedFiles are those of a node "watch": the reference of samples/drift.
func watchedFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "watch"), os.DirFS("../../samples/drift/reference")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// helpTexts finds the texts that describe metrics in the code below a folder, with
// their places: what is named Help, and the sentence behind a name in a call.
func helpTexts(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	files := token.NewFileSet()
	add := func(e ast.Expr) {
		if text, ok := literal(e); ok {
			found[text] = files.Position(e.Pos()).String()
		}
	}
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)+$|^events$|^bytes$`)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Help" {
					add(n.Value)
				}
			case *ast.CallExpr:
				if len(n.Args) < 2 {
					return true
				}
				text, _ := literal(n.Args[1])
				if first, ok := literal(n.Args[0]); ok && name.MatchString(first) && len(text) > 0 && unicode.IsUpper(rune(text[0])) && strings.Contains(text, " ") {
					add(n.Args[1])
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Fatalf("only %d metrics were found in the code", len(found))
	}
	return found
}

// literal is the text of a string that the code writes out.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// busyExecutor scrapes an executor that has all to show: a node with a logger
// and under every policy, a call that failed, feedback, traces, a topic with a
// record that fails.
func busyExecutor(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	component, err := stub.Start("127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(component.Close)
	component.On("/predict", stub.Answer{Status: http.StatusInternalServerError})
	component.On("/send-feedback", stub.Answer{Body: []byte(`{"meta":{"metrics":[{"key":"0","value":1}]}}`)})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	host, port, _ := strings.Cut(component.HTTP, ":")
	predictor := fmt.Sprintf(`{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":{"service_host":%q,"httpPort":%s},
		"logger":{"mode":"all","url":%q},"policy":{"retries":{"attempts":1},"hedge":{},"concurrency":{"limit":2},"batch":{"maxSize":2},"cache":{"ttl":"1s"},"fallback":{"response":"{}"}}}}`, host, port, collector.URL)
	address := start(t, map[string]string{
		"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString([]byte(predictor)), "RADIANT_PODINFO": t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "RADIANT_COMPONENT_METRICS": "true",
	}, "--container_concurrency=2", "--server_type=kafka", "--kafka_broker="+broker.ListenAddrs()[0], "--kafka_input_topic=in", "--kafka_output_topic=out")
	for _, path := range []string{"predictions", "feedback"} {
		answer, err := http.Post("http://"+address+"/api/v1.0/"+path, "application/json", strings.NewReader(`{"reward":1}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	bad := &kgo.Record{Topic: "in", Headers: []kgo.RecordHeader{{Key: "Inference-Header-Content-Length", Value: []byte("x")}}}
	if err := client.ProduceSync(t.Context(), bad).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		families := scraped(t, address)
		if families["radiant_executor_kafka_failed_total"] != nil || time.Now().After(deadline) {
			return families
		}
	}
}

func scraped(t *testing.T, address string) map[string]*dto.MetricFamily {
	t.Helper()
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text := expfmt.NewTextParser(model.LegacyValidation)
	families, err := text.TextToMetricFamilies(io.LimitReader(answer.Body, 1<<24))
	if err != nil {
		t.Fatal(err)
	}
	return families
}
