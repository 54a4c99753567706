package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		d := &v1.SeldonDeployment{}
		d.Name, d.Namespace, d.Spec.Protocol = "one", "default", protocol
		d.Spec.Predictors = make([]v1.PredictorSpec, 1)
		d.Spec.Predictors[0].Graph.Name = "clf"
		if got := example(Source{Deployment: d, File: filepath.Join(dir, "one.yaml")}, 8003); !strings.Contains(got, want) {
			t.Errorf("protocol %q: missing %q in\n%s", protocol, want, got)
		}
		if got := example(Source{Deployment: d}, 8003); !strings.Contains(got, "-d '{") {
			t.Errorf("protocol %q without a file: no body in\n%s", protocol, got)
		}
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
