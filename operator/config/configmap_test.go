package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
)

// shipped is what installations of Seldon Core v1 carry, with images of the
// installation's own among its servers.
var shipped = map[string]string{
	"predictor_servers": `{
		"SKLEARN_SERVER": {"protocols": {
			"seldon": {"image": "mirror/seldonio/sklearnserver", "defaultImageVersion": "1.17.1"},
			"v2": {"image": "seldonio/mlserver", "defaultImageVersion": "1.6.0-sklearn"}}},
		"XGBOOST_SERVER": {"protocols": {
			"seldon": {"image": "example/boosted", "defaultImageVersion": "3"},
			"v2": {"image": "a", "defaultImageVersion": "1"}, "kfserving": {"image": "b@sha256:0"}}},
		"TENSORFLOW_SERVER": {"protocols": {
			"tensorflow": {"image": "tensorflow/serving", "defaultImageVersion": "2.1.0"},
			"seldon": {"image": "seldonio/tfserving-proxy", "defaultImageVersion": "1.17.1"}}},
		"MY_SERVER": {"protocols": {
			"seldon": {"image": "example/mine", "defaultImageVersion": "sha256:1"},
			"v2": {"image": "example/mine-v2", "defaultImageVersion": "2"}}},
		"OLD_WRAPPER": {"protocols": {"seldon": {"image": "example/wrapped"}}}
	}`,
	"storageInitializer": `{"image": "example/initializer:1", "cpuRequest": "200m", "memoryLimit": "2Gi"}`,
	"explainer":          `{"image": "example/explainer:1", "image_v2": "example/explainer:2"}`,
	"credentials": `{"gcs": {"gcsCredentialFileName": "key.json"},
		"s3": {"s3AccessKeyIDName": "id", "s3SecretAccessKeyName": "key", "s3Endpoint": "minio:9000", "s3UseHttps": "0"}}`,
	"another": `{{`,
}

func TestConfigMap(t *testing.T) {
	base, err := Parse(lookup(map[string]string{"RELATED_IMAGE_EXPLAINER": "env/explainer", "RELATED_IMAGE_TENSORFLOW": "env/serving"}))
	if err != nil {
		t.Fatal(err)
	}
	before := base.clone()
	c, err := base.WithConfigMap(shipped)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, base); diff != "" {
		t.Errorf("WithConfigMap changed its receiver, -before +after:\n%s", diff)
	}
	if got := [2]string{c.Expand.ExplainerImage, c.Expand.ExplainerImageV2}; got != [2]string{"env/explainer", "example/explainer:2"} {
		t.Errorf("explainers are %q: the environment counts before the ConfigMap", got)
	}
	s := c.Expand.Storage
	want := expand.CredentialsConfig{S3KeyID: "id", S3Key: "key", S3Endpoint: "minio:9000", S3UseHTTPS: "0", GCSFile: "key.json"}
	if diff := cmp.Diff(want, s.Credentials); diff != "" {
		t.Errorf("credentials, -want +got:\n%s", diff)
	}
	if s.Image != "example/initializer:1" || s.Resources.Requests.Cpu().String() != "200m" ||
		s.Resources.Limits.Memory().String() != "2Gi" || s.Resources.Limits.Cpu().String() != "1" {
		t.Errorf("storage is %+v", s)
	}

	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	servers = c.Servers(servers)
	type run struct{ image, speaks string }
	got := map[string]run{}
	for _, at := range [][2]string{
		{"SKLEARN_SERVER", "seldon"}, {"SKLEARN_SERVER", "v2"}, {"XGBOOST_SERVER", "seldon"}, {"XGBOOST_SERVER", "v2"},
		{"TENSORFLOW_SERVER", "seldon"}, {"TENSORFLOW_SERVER", "tensorflow"}, {"MLFLOW_SERVER", "seldon"},
		{"MY_SERVER", "seldon"}, {"MY_SERVER", "v2"}, {"MY_SERVER", "tensorflow"}, {"OLD_WRAPPER", "v2"},
	} {
		s := servers.Servers[at[0]].For(at[1])
		got[at[0]+" "+at[1]] = run{s.Image, s.Protocol}
	}
	if diff := cmp.Diff(map[string]run{
		"SKLEARN_SERVER seldon":        {"seldonio/mlserver:1.6.0-sklearn", "v2"},
		"SKLEARN_SERVER v2":            {"seldonio/mlserver:1.6.0-sklearn", "v2"},
		"XGBOOST_SERVER seldon":        {"example/boosted:3", "seldon"},
		"XGBOOST_SERVER v2":            {"b@sha256:0", "v2"},
		"TENSORFLOW_SERVER seldon":     {"env/serving", "tensorflow"},
		"TENSORFLOW_SERVER tensorflow": {"env/serving", "tensorflow"},
		"MLFLOW_SERVER seldon":         {"seldonio/mlserver:1.7.1-mlflow", "v2"},
		"MY_SERVER seldon":             {"example/mine@sha256:1", "seldon"},
		"MY_SERVER v2":                 {"example/mine-v2:2", "v2"},
		"MY_SERVER tensorflow":         {"example/mine-v2:2", "v2"},
		"OLD_WRAPPER v2":               {"example/wrapped", "seldon"},
	}, got, cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("servers, -want +got:\n%s", diff)
	}
}

func TestConfigMapAbsent(t *testing.T) {
	c := Default()
	got, err := c.WithConfigMap(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConfigMapReportsAllBadKeys(t *testing.T) {
	c := Default()
	_, err := c.WithConfigMap(map[string]string{
		"predictor_servers": `{"A": {"rest": {}}, "B": {"protocols": {"v3": {"image": "b"}, "v2": {}}}, "SIMPLE_MODEL": {"protocols": {"seldon": {"image": "x"}}}}`,

		"storageInitializer": `{"cpuLimit": "lots", "memoryRequest": "1Q"}`,
		"explainer":          "{\n\"image\": \"a\",\n}",
		"credentials":        `{"s3": "no"}`,
	})
	if err == nil {
		t.Fatal("broken keys were accepted")
	}
	for _, want := range []string{
		`reading ConfigMap seldon-config: predictor_servers: A: write {"protocols": {"v2": {"image": "..."}}} ("rest" and "grpc" are the form before Seldon Core 1.3)`,
		`B: protocol "v3" is unknown: want seldon, tensorflow, v2 or kfserving`,
		`B: protocol v2 has no image`,
		`SIMPLE_MODEL is built into the executor`,
		`storageInitializer: cpuLimit: "lots" is not a quantity`,
		`memoryRequest: "1Q" is not a quantity`,
		`seldon-config: explainer: line 3: invalid character '}'`,
		`seldon-config: credentials: json: cannot unmarshal string into`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	if got := c.Expand.Storage.Resources.Limits[corev1.ResourceCPU]; got.String() != "1" {
		t.Errorf("the settings changed to %s by a broken ConfigMap", got.String())
	}
}
