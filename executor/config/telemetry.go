package config

import (
	"fmt"
	"strings"
)

// Telemetry is what is shown of the executor's work.
type Telemetry struct {
	// PrometheusPath is where the REST listener answers scrapes; empty: no
	// metrics are kept.
	PrometheusPath string
	// ComponentMetrics shows the metrics that components report in their
	// answers. Components of Seldon Core's Python wrapper show them on a port
	// of their own as well, so that both together count twice.
	ComponentMetrics bool
	// Tracing says where spans go.
	Tracing Tracing
}

func (t *Telemetry) check() error {
	if t.PrometheusPath != "" && !strings.HasPrefix(t.PrometheusPath, "/") {
		return fmt.Errorf("--prometheus_path %q: want a path that begins with /", t.PrometheusPath)
	}
	return nil
}
