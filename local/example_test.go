package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

func TestTheExampleHoldsARequestOfTheProtocol(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"request.json":                     `{"data":{"ndarray":[[1]]}}`,
		"requests/a.grpc.json":             `{"inputs":[{"name":"x","datatype":"FP32"}]}`,
		"requests/b.json":                  `{"inputs":[{"name":"x","datatype":"FP32"}]}`,
		"requests/tensorflow.json":         `{"instances":[[1]]}`,
		"requests/tensorflow-columns.json": `{"inputs":{"x":[[1]]}}`,
		"requests/broken.json":             `{"instances"`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for protocol, want := range map[v1.Protocol]string{
		"":                    "/api/v1.0/predictions -H 'Content-Type: application/json' -d @" + dir + "/request.json\n",
		v1.ProtocolTensorFlow: "/v1/models/clf:predict -H 'Content-Type: application/json' -d @" + dir + "/requests/tensorflow.json\n",
		v1.ProtocolKFServing:  "/v2/models/clf/infer -H 'Content-Type: application/json' -d @" + dir + "/requests/b.json\n",
	} {
		d := deploymentOf(protocol)
		a := generalCall(d, exampleCalls()[protocol.Canonical()])
		if got := example(Source{Deployment: d, File: filepath.Join(dir, "one.yaml")}, 8003, a, nil); !strings.Contains(got, want) || strings.Contains(got, "guess") {
			t.Errorf("protocol %q: missing %q in\n%s", protocol, want, got)
		}
		if got := example(Source{Deployment: d}, 8003, a, nil); !strings.Contains(got, "-d '{") || !strings.Contains(got, "guess") {
			t.Errorf("protocol %q without a file: no body, or no word that it is a guess, in\n%s", protocol, got)
		}
	}
}

func deploymentOf(protocol v1.Protocol) *v1.SeldonDeployment {
	d := &v1.SeldonDeployment{}
	d.Name, d.Namespace, d.Spec.Protocol = "one", "default", protocol
	d.Spec.Predictors = make([]v1.PredictorSpec, 1)
	d.Spec.Predictors[0].Graph.Name = "clf"
	return d
}

func TestARequestOfADeploymentComesBeforeOthers(t *testing.T) {
	dir := t.TempDir()
	d := deploymentOf("")
	// Each is preferred to those before it.
	for _, name := range []string{"another-request.json", "request-usual.json", "request.json", "one-request.json"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(`{"data":{"ndarray":[[1]]}}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := requestFile(Source{Deployment: d, File: filepath.Join(dir, "all.yaml")}, exampleCalls()[v1.ProtocolSeldon]); got != file {
			t.Errorf("the request is %s, want %s", got, file)
		}
	}
}

// TestLongRequestsAreInAFile: what is printed has to be a line to copy, for curl
// and for grpcurl.
func TestLongRequestsAreInAFile(t *testing.T) {
	long := json.RawMessage(`{"instances":[[` + strings.Repeat("0.5,", 783) + `0.5]]}`)
	a := asked{Path: "/v1/models/m:predict", Request: long, Known: true}
	if err := json.Unmarshal([]byte(`{"method":"tensorflow.serving.PredictionService/Predict","request":{"text":"it's"}}`), &a.GRPC); err != nil {
		t.Fatal(err)
	}
	kept := map[string]string{}
	got := example(Source{Deployment: deploymentOf(v1.ProtocolTensorFlow)}, 8003, a, func(name string, body []byte) string {
		kept[name] = string(body)
		return "/kept here/" + name
	})
	want := `  curl -s http://localhost:8003/seldon/default/one/v1/models/m:predict -H 'Content-Type: application/json' -d @'/kept here/default.one.json'
  grpcurl -plaintext -H 'seldon: one' -H 'namespace: default' -d '{"text":"it'\''s"}' localhost:8003 tensorflow.serving.PredictionService/Predict
  in a browser: http://localhost:8003/seldon/default/one/v1/docs/
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"default.one.json": string(long)}, kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestModelPathsStartAtTheFile(t *testing.T) {
	for uri, want := range map[string]string{
		"":                          "",
		"./model":                   "file:///yaml/model",
		"model/1":                   "file:///yaml/model/1",
		"../m":                      "file:///m",
		"/abs/m":                    "file:///abs/m",
		"file:///abs/m":             "file:///abs/m",
		"file://./m":                "file:///yaml/m",
		"gs://bucket/m":             "gs://bucket/m",
		"remote:bucket/m":           "remote:bucket/m",
		"https://example.com/m.tgz": "https://example.com/m.tgz",
	} {
		if got := absoluteURI(uri, "/yaml"); got != want {
			t.Errorf("absoluteURI(%q) = %q, want %q", uri, got, want)
		}
	}
}

func TestTheExampleSaysHowToAskOnePredictor(t *testing.T) {
	d := deploymentOf(v1.ProtocolSeldon)
	d.Spec.Predictors[0].Name = "main"
	call := exampleCalls()[v1.ProtocolSeldon]
	const hint = "Seldon-Predictor"
	if got := example(Source{Deployment: d}, 8003, generalCall(d, call), nil); strings.Contains(got, hint) {
		t.Errorf("one predictor alone is to be named:\n%s", got)
	}
	d.Spec.Predictors = append(d.Spec.Predictors, v1.PredictorSpec{Name: "canary"})
	if got := example(Source{Deployment: d}, 8003, generalCall(d, call), nil); !strings.Contains(got, "  of one predictor alone: -H 'Seldon-Predictor: NAME' (main, canary)\n") {
		t.Errorf("no word of %s in\n%s", hint, got)
	}
}
