// Package metrics reads and writes the page that lists what programs show to
// Prometheus: docs/metrics.md.
package metrics

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/prime-radiant/radiant/tests/kit/pages"
)

// Metric is a row of the page.
type Metric struct {
	Name string
	// Type is that of Prometheus: counter, gauge, histogram or summary.
	Type string
	// Labels are the names of the labels that belong to it alone. le and quantile
	// follow from the type and are left out, and so are those of Common.
	Labels []string
	// Help is its meaning, as part of a sentence.
	Help string
}

// Common are the labels that all metrics of an executor have.
func Common() []string {
	return []string{"deployment_name", "predictor_name", "predictor_version"}
}

// Of lists families whose names begin with one of prefixes, by name.
func Of(families map[string]*dto.MetricFamily, prefixes ...string) []Metric {
	var all []Metric
	for name, f := range families {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		m := Metric{Name: name, Type: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			if !slices.Contains(Common(), l.GetName()) {
				m.Labels = append(m.Labels, l.GetName())
			}
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Hold compares the table of a group on the page at path with what there is. With
// update, the page is rewritten.
func Hold(t *testing.T, path, group string, metrics []Metric, update bool) {
	t.Helper()
	pages.Hold(t, path, func(page string) (string, error) { return pages.Fill(page, "metrics", group, table(metrics)) }, update)
}

func table(metrics []Metric) string {
	var out strings.Builder
	out.WriteString("| metric | type | labels | |\n|---|---|---|---|\n")
	for _, m := range metrics {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "` "
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s| %s |\n", m.Name, m.Type, labels, strings.ReplaceAll(strings.TrimSuffix(m.Help, "."), "|", `\|`))
	}
	return out.String()
}

// Read lists all metrics of the page at path.
func Read(t *testing.T, path string) map[string]Metric {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Metric{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) < 6 || !strings.HasPrefix(line, "| `") {
			continue
		}
		m := Metric{Name: strings.Trim(cells[1], "` "), Type: strings.TrimSpace(cells[2])}
		for label := range strings.SplitSeq(cells[3], ",") {
			if label = strings.Trim(label, "` "); label != "" {
				m.Labels = append(m.Labels, label)
			}
		}
		all[m.Name] = m
	}
	if len(all) == 0 {
		t.Fatalf("%s lists no metrics", path)
	}
	return all
}
