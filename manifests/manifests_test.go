package manifests

import (
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"TENSORFLOW_SERVER", "SKLEARN_SERVER", "XGBOOST_SERVER", "MLFLOW_SERVER",
		"HUGGINGFACE_SERVER", "ONNX_SERVER", "BENTOML_SERVER", "PYTORCH_SERVER", "LIGHTGBM_SERVER", "CATBOOST_SERVER", "TRITON_SERVER", "TEMPO_SERVER",
	} {
		if _, ok := s.Servers[name]; !ok {
			t.Errorf("no entry for %s", name)
		}
	}
}

func TestParseReportsAllProblems(t *testing.T) {
	_, err := Parse([]byte("servers:\n  A: {protocol: v2, outside: [v2]}\n  B: {image: b, protocol: v2, outside: [seldon]}\n"))
	if err == nil {
		t.Fatal("incomplete entries were accepted")
	}
	for _, want := range []string{"A: image is required", `B: outside lacks the server's own protocol "v2"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestParseRefusesUnknownFields(t *testing.T) {
	if _, err := Parse([]byte("servers:\n  A: {imagee: x}\n")); err == nil || !strings.Contains(err.Error(), "imagee") {
		t.Errorf("got error %v, want one that names the field imagee", err)
	}
}
