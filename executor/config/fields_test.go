package config

import (
	"io"
	"strings"
	"testing"
)

// TestEachVariableIsInTheTable: whatever is asked of the environment has a row,
// and each row is asked for.
func TestEachVariableIsInTheTable(t *testing.T) {
	vars := map[string]string{"ENGINE_PREDICTOR": encoded(model), "RADIANT_PODINFO": t.TempDir()}
	asked := map[string]bool{}
	record := func(name string) (string, bool) {
		asked[name] = true
		value, ok := vars[name]
		return value, ok
	}
	for _, also := range []string{"", "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "JAEGER_ENDPOINT=http://j", "JAEGER_SAMPLER_TYPE=const"} {
		if name, value, ok := strings.Cut(also, "="); ok {
			vars[name] = value
		}
		if _, err := Load(append(operatorArgs, "--server_type=kafka", "--kafka_broker=b:1", "--kafka_input_topic=i", "--kafka_output_topic=o"), record, io.Discard); err != nil {
			t.Fatal(err)
		}
		delete(vars, "JAEGER_ENDPOINT")
	}
	for _, s := range Settings() {
		// The last ones are read by net/http.
		if s.Variable != "" && !asked[s.Variable] && !strings.HasSuffix(s.Variable, "_PROXY") {
			t.Errorf("%s is in the table and is not read", s.Variable)
		}
		if s.Doc == "" || s.Group == "" {
			t.Errorf("%s has no description or no group", s.Name())
		}
		delete(asked, s.Variable)
	}
	for name := range asked {
		if name != "" {
			t.Errorf("%s is read and has no row in the table", name)
		}
	}
}

func TestPrintSettings(t *testing.T) {
	env := environment(map[string]string{
		"ENGINE_PREDICTOR": "hush", "KAFKA_SASL_PASSWORD": "hush", "OTEL_EXPORTER_OTLP_HEADERS": "a=hush", "REQUEST_LOGGER_DEFAULT_ENDPOINT": "http://u:hush@host/?k=hush",
		"SELDON_LOG_LEVEL": "WARNING", "RADIANT_MAX_INFLIGHT": "7", "OTEL_SERVICE_NAME": "mine",
	})
	var out strings.Builder
	asked, err := PrintSettings([]string{"--http_port=81", "--settings", "--max_inflight=8"}, env, &out)
	if !asked || err != nil {
		t.Fatalf("asked is %t, error %v", asked, err)
	}
	for _, want := range []string{"--http_port=81  # ", "--max_inflight=8  # ", "(RADIANT_MAX_INFLIGHT)\n", "--log_level=WARNING  # ", "OTEL_SERVICE_NAME=mine  # ",
		"KAFKA_SASL_PASSWORD=(hidden)", "REQUEST_LOGGER_DEFAULT_ENDPOINT=http://u:xxxxx@host/  # ", "--kafka_workers=4  # "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the list lacks %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "hush") {
		t.Errorf("a secret is shown:\n%s", out.String())
	}
	if asked, err := PrintSettings(operatorArgs, env, io.Discard); asked || err != nil {
		t.Errorf("asked is %t, error %v", asked, err)
	}
	if _, err := Load(operatorArgs, environment(map[string]string{"RADIANT_MAX_INFLIGHT": "many", "ENGINE_PREDICTOR": encoded(model)}), io.Discard); err == nil ||
		!strings.Contains(err.Error(), `RADIANT_MAX_INFLIGHT: "many" is not a whole number`) {
		t.Errorf("a variable that is no number: error %v", err)
	}
	if _, err := Load(operatorArgs, environment(map[string]string{"KAFKA_WORKERS": "many", "ENGINE_PREDICTOR": encoded(model)}), io.Discard); err != nil {
		t.Errorf("a variable of Kafka, which is not served: %v", err)
	}
}
