package controller

import (
	"flag"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	listed "github.com/prime-radiant/radiant/tests/kit/metrics"
)

var update = flag.Bool("update", false, "rewrite the table of docs/metrics.md")

// TestMetricsAreWrittenDown: docs/metrics.md lists the operator's own metrics.
func TestMetricsAreWrittenDown(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	m.changed(Change{Kind: "Deployment"})
	m.broken(nil)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	listed.Hold(t, "../../docs/metrics.md", "the operator", listed.Of(families, ""), *update)
}
