package install

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prime-radiant/radiant/tests/kit/metrics"
)

const page = root + "/docs/metrics.md"

// query is an expression of an alert or a dashboard, and who asks it.
type query struct{ who, expr string }

// TestMonitoringAsksForWhatIsShown: alerts and dashboards are queries that
// Prometheus reads, for metrics and labels of docs/metrics.md, which tests of the
// programs hold; and dashboards show each metric of that page.
func TestMonitoringAsksForWhatIsShown(t *testing.T) {
	all := byName(objects(t, kustomize(t, base+"/monitoring")))
	queries := append(alerts(t, all["PrometheusRule seldon-deployments"]), panels(t, all["ConfigMap radiant-dashboards"])...)
	listed := metrics.Read(t, page)
	asked := map[string]bool{}
	for i, a := range understood(t, queries) {
		who := queries[i].who
		if a.Error != "" {
			t.Errorf("%s: Prometheus cannot read the query: %s\n%s", who, a.Error, queries[i].expr)
		}
		for name, labels := range a.Metrics {
			if strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "go_") {
				continue // The library's own.
			}
			m, ok := find(listed, name)
			if !ok {
				t.Errorf("%s: docs/metrics.md has no %s", who, name)
				continue
			}
			asked[m.Name] = true
			for _, label := range labels {
				if !has(m, label) {
					t.Errorf("%s: %s has no label %s", who, name, label)
				}
			}
		}
	}
	for name := range listed {
		if !asked[name] && !undrawn()[name] {
			t.Errorf("no dashboard shows %s", name)
		}
	}
}

// undrawn are metrics that no dashboard needs.
func undrawn() map[string]bool {
	return map[string]bool{
		"seldon_api_executor_client_requests_seconds_summary": true,
		"radiant_executor_component_metrics_dropped_total":    true,
	}
}

// TestAlertsAreWrittenDown: the page says of each alert what to do.
func TestAlertsAreWrittenDown(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rules := alerts(t, byName(objects(t, kustomize(t, base+"/monitoring")))["PrometheusRule seldon-deployments"])
	for _, rule := range rules {
		if !strings.Contains(string(text), "| `"+rule.who+"` | ") {
			t.Errorf("docs/metrics.md does not name the alert %s", rule.who)
		}
	}
	if rows := len(regexp.MustCompile("(?m)^\\| `(Seldon|Radiant)").FindAll(text, -1)); rows != len(rules) {
		t.Errorf("docs/metrics.md lists %d alerts, and there are %d", rows, len(rules))
	}
}

// alerts are those of a PrometheusRule.
func alerts(t *testing.T, o *unstructured.Unstructured) (all []query) {
	t.Helper()
	var rule struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Alert, Expr string }
			}
		}
	}
	body, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(body, &rule)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range rule.Spec.Groups {
		for _, r := range g.Rules {
			all = append(all, query{r.Alert, r.Expr})
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

// panels are the queries of dashboards and of their variables, whose own words
// are replaced as Grafana does it.
func panels(t *testing.T, o *unstructured.Unstructured) (all []query) {
	t.Helper()
	dashboards, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("there are no dashboards: %v", err)
	}
	variable := regexp.MustCompile(`^label_values\((.*), *(\w+)\)$`)
	for name, text := range dashboards {
		var d struct {
			Templating struct {
				List []struct{ Name, Definition string }
			}
			Panels []struct {
				ID                       int
				Title, Type, Description string
				Targets                  []struct{ Expr string }
			}
		}
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range d.Templating.List {
			if m := variable.FindStringSubmatch(v.Definition); m != nil {
				all = append(all, query{name + ": variable " + v.Name, "sum by (" + m[2] + ") (" + m[1] + ")"})
			}
		}
		ids := map[int]bool{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.Type != "row" && (len(p.Targets) == 0 || p.Description == "") {
				t.Errorf("%s: panel %q has an id that is taken, no query or no description", name, p.Title)
			}
			ids[p.ID] = true
			for _, target := range p.Targets {
				all = append(all, query{name + ": " + p.Title, target.Expr})
			}
		}
	}
	words := strings.NewReplacer("$__rate_interval", "5m")
	for i := range all {
		all[i].expr = words.Replace(all[i].expr)
	}
	return all
}

// answer is what the program promql says of a query.
type answer struct {
	Error   string
	Metrics map[string][]string
}

// understood lets the parser of Prometheus read queries.
func understood(t *testing.T, queries []query) []answer {
	t.Helper()
	folder := t.TempDir()
	sources, err := txtar.ParseFile("testdata/promql.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range sources.Files {
		if err := os.WriteFile(filepath.Join(folder, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(folder, "promql")
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=readonly", "-trimpath", "-o", program, ".")
	build.Dir = folder
	build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the parser: %v\n%s", err, out)
	}
	var exprs []string
	for _, q := range queries {
		exprs = append(exprs, q.expr)
	}
	body, err := json.Marshal(exprs)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), program)
	run.Stdin = bytes.NewReader(body)
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(queries) {
		t.Fatalf("%d answers for %d queries: %v", len(answers), len(queries), err)
	}
	return answers
}

// find looks for the metric that a series belongs to.
func find(listed map[string]metrics.Metric, series string) (metrics.Metric, bool) {
	if m, ok := listed[series]; ok && m.Type != "histogram" {
		return m, true
	}
	m, ok := listed[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(series, "")]
	return m, ok && (m.Type == "histogram" || m.Type == "summary" && !strings.HasSuffix(series, "_bucket"))
}

// has tells whether a metric has a label: its own, one of all executors, or one
// that Prometheus adds.
func has(m metrics.Metric, label string) bool {
	switch label {
	case "namespace", "pod", "job", "instance":
		return true
	case "le":
		return m.Type == "histogram"
	case "quantile":
		return m.Type == "summary"
	}
	ofExecutor := slices.ContainsFunc([]string{"seldon_api_", "radiant_executor_", "radiant_model_"}, func(p string) bool { return strings.HasPrefix(m.Name, p) })
	return slices.Contains(m.Labels, label) || ofExecutor && slices.Contains(metrics.Common(), label)
}
