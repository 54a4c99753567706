package scaler

import (
	"flag"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
	listed "github.com/prime-radiant/radiant/tests/kit/metrics"
)

var update = flag.Bool("update", false, "rewrite the table of docs/metrics.md")

// TestMetricsAreWrittenDown: docs/metrics.md lists the scaler's metrics.
func TestMetricsAreWrittenDown(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	w := &workload{name: types.NamespacedName{Namespace: "n", Name: "d"}}
	m.decided(w, scaling.Decision{})
	m.woken(w)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range gathered {
		families[f.GetName()] = f
	}
	listed.Hold(t, "../../docs/metrics.md", "scaling", listed.Of(families, ""), *update)
	m.forget(w.name)
	if gathered, err = registry.Gather(); err != nil || len(gathered) > 0 {
		t.Errorf("of a Deployment that is gone: %v %v", gathered, err)
	}
}
