package config

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func loadKafka(t *testing.T, vars map[string]string, args ...string) (*Config, error) {
	t.Helper()
	vars = with(with(vars, "ENGINE_PREDICTOR", encoded(model)), "RADIANT_PODINFO", t.TempDir())
	return Load(append([]string{"--sdep=d", "--namespace=n", "--predictor=p", "--server_type=kafka"}, args...), environment(vars), io.Discard)
}

func TestKafka(t *testing.T) {
	env := map[string]string{
		"KAFKA_BROKER": "a:9092, b:9092,", "KAFKA_INPUT_TOPIC": "in", "KAFKA_OUTPUT_TOPIC": "out", "KAFKA_ERROR_TOPIC": "failed",
		"KAFKA_WORKERS": "7", "KAFKA_AUTO_COMMIT": "False",
	}
	c, err := loadKafka(t, env, "--kafka_input_topic=other", "--kafka_workers=2", "--kafka_auto_commit=true")
	if err != nil {
		t.Fatal(err)
	}
	k := c.Kafka
	if !slices.Equal(k.Brokers, []string{"a:9092", "b:9092"}) || k.Output != "out" || k.Errors != "failed" {
		t.Errorf("the environment was read as %+v", k)
	}
	if k.Input != "other" {
		t.Errorf("the input topic is %s, and not that of the flag", k.Input)
	}
	if k.Workers != 7 || k.AutoCommit {
		t.Errorf("%d workers, automatic commits %t, and not those of the environment", k.Workers, k.AutoCommit)
	}
}

func TestKafkaErrors(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"KAFKA_FULL_GRAPH", "true", "calling nodes over topics is not supported"},
		{"KAFKA_WORKERS", "many", "KAFKA_WORKERS"},
		{"KAFKA_WORKERS", "0", "want 1 to 4096"},
		{"KAFKA_AUTO_COMMIT", "perhaps", "KAFKA_AUTO_COMMIT"},
		{"KAFKA_OUTPUT_TOPIC", "in", "answers would come back as requests"},
		{"KAFKA_SECURITY_PROTOCOL", "SASL_SSL", "KAFKA_SASL_PASSWORD is missing"},
	} {
		env := with(map[string]string{"KAFKA_BROKER": "a:9092", "KAFKA_INPUT_TOPIC": "in", "KAFKA_OUTPUT_TOPIC": "out"}, c.name, c.value)
		if c.name == "KAFKA_OUTPUT_TOPIC" {
			env[c.name] = c.value
		}
		if _, err := loadKafka(t, env); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: error is %v, want one with %q", c.name, c.value, err, c.want)
		}
	}
}
