package program

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// TestDashboard checks that every metric and label which the dashboard asks for
// is one that an executor shows.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../manifests/grafana/executor.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Templating struct {
			List []struct{ Definition string }
		}
		Panels []struct {
			ID          int
			Title, Type string
			Description string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	shown := busyExecutor(t)
	ids, metrics := map[int]bool{}, map[string]bool{}
	check := func(title, query string) {
		for _, m := range asked(query) {
			metrics[m.name] = true
			f := shown[m.name]
			if f == nil {
				t.Errorf("%s: no executor shows %s", title, m.name)
				continue
			}
			for _, label := range m.labels {
				if !hasLabel(f, label) {
					t.Errorf("%s: %s has no label %s", title, m.name, label)
				}
			}
		}
	}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
			t.Errorf("panel %q has an id that is taken, no query or no description", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			check(p.Title, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		check("variable", v.Definition)
	}
	for name := range shown {
		if (strings.HasPrefix(name, "radiant_") || strings.HasPrefix(name, "seldon_")) && !metrics[name] && !elsewhere[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// elsewhere are the metrics of the executor that no panel needs.
var elsewhere = map[string]bool{
	"seldon_api_executor_client_requests_seconds_summary": true,
	"radiant_executor_component_metrics_dropped_total":    true,
}

// askedMetric is a metric in a query with the labels it is selected by.
type askedMetric struct {
	name   string
	labels []string
}

var (
	inQuery  = regexp.MustCompile(`\b((?:radiant|seldon|go|process|promhttp)_[a-z0-9_]+)(\{[^}]*\})?`)
	selected = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)`)
	grouped  = regexp.MustCompile(`by \(([^)]*)\) \([^{]*?\b((?:radiant|seldon)_[a-z0-9_]+)`)
	suffix   = regexp.MustCompile(`_(bucket|count|sum)$`)
)

func asked(query string) (all []askedMetric) {
	for _, m := range inQuery.FindAllStringSubmatch(query, -1) {
		a := askedMetric{name: suffix.ReplaceAllString(m[1], "")}
		for _, label := range selected.FindAllStringSubmatch(m[2], -1) {
			a.labels = append(a.labels, label[1])
		}
		all = append(all, a)
	}
	for _, m := range grouped.FindAllStringSubmatch(query, -1) {
		a := askedMetric{name: suffix.ReplaceAllString(m[2], "")}
		for label := range strings.SplitSeq(m[1], ",") {
			a.labels = append(a.labels, strings.TrimSpace(label))
		}
		all = append(all, a)
	}
	return all
}

func hasLabel(f *dto.MetricFamily, name string) bool {
	switch name {
	case "le":
		return f.GetType() == dto.MetricType_HISTOGRAM
	case "quantile":
		return f.GetType() == dto.MetricType_SUMMARY
	}
	for _, l := range f.GetMetric()[0].GetLabel() {
		if l.GetName() == name {
			return true
		}
	}
	return false
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
	component.On("/send-feedback", stub.Answer{Body: []byte("{}")})
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(collector.Close)
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "in", "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	host, port, _ := strings.Cut(component.HTTP, ":")
	predictor := fmt.Sprintf(`{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":{"service_host":%q,"httpPort":%s},
		"logger":{"mode":"all","url":%q},"policy":{"retries":{"attempts":1},"hedge":{},"concurrency":{"limit":2},"fallback":{"response":"{}"}}}}`, host, port, collector.URL)
	address := start(t, map[string]string{
		"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString([]byte(predictor)), "RADIANT_PODINFO": t.TempDir(), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL,
	}, "--server_type=kafka", "--kafka_broker="+broker.ListenAddrs()[0], "--kafka_input_topic=in", "--kafka_output_topic=out")
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
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(answer.Body, 1<<24))
	if err != nil {
		t.Fatal(err)
	}
	return families
}
