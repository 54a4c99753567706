package stores

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// renewed is a server that gets new versions of the model of a sample.
type renewed struct {
	implementation, sample string
	// file is the model's, and files what a version is told to lack that has none.
	file, files string
}

// tumours is a deployment of the model of a sample.
const tumours = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: tumours}
spec:
  protocol: v2
  predictors:
  - name: default
    graph: {name: tumours, implementation: %s, modelUri: "s3://bucket/tumours", modelRefresh: 5s}
`

// TestANewONNXVersionIsServed by the server that finds it in its folder.
func TestANewONNXVersionIsServed(t *testing.T) {
	t.Parallel()
	const sample = "../../samples/tumours-onnx"
	renewed{"ONNX_SERVER", sample, "model.onnx", "model.onnx, model.ort, *.onnx, *.ort"}.isServed(t, sample, overREST("request-v2.json"))
}

// TestNewTreesAreServed by the real MLServer, told so.
func TestNewTreesAreServed(t *testing.T) {
	long.Only(t)
	for _, r := range []renewed{
		{"LIGHTGBM_SERVER", "../../samples/tumours-lightgbm", "model.bst", "model.bst, model-settings.json"},
	} {
		t.Run(r.implementation, func(t *testing.T) {
			folder := t.TempDir()
			r.writeRequests(t, folder)
			r.isServed(t, folder, overREST("rest.json"), paced{cases.Request{
				Transport: "grpc", Method: "/inference.GRPCInferenceService/ModelInfer", Headers: map[string]string{"seldon": "tumours", "namespace": "default"}, BodyFile: "grpc.json",
			}, 50 * time.Millisecond})
		})
	}
}

func overREST(body string) paced {
	return paced{cases.Request{Transport: "rest", Path: "/seldon/default/tumours/v2/models/tumours/infer", BodyFile: body}, 10 * time.Millisecond}
}

// isServed has radiant local serve new versions from a bucket, under load by requests of dir,
// of which none fails; one that does not load leaves the one before it.
func (r renewed) isServed(t *testing.T, dir string, requests ...paced) {
	t.Helper()
	s := stores.StartS3(t, "bucket")
	put := func(version string, files stores.Files) {
		t.Helper()
		for name, content := range files {
			s.Put(t, "bucket", stores.Files{"tumours/" + version + "/" + name: content})
		}
	}
	model := stores.Folder(t, filepath.Join(r.sample, "model"), "")
	put("3", model)
	file := filepath.Join(t.TempDir(), "tumours.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, tumours, r.implementation), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, with(s.Env(), "RADIANT_MODEL_CACHE", t.TempDir()), 1}, "--state-dir", t.TempDir())

	last := make([]atomic.Int64, len(requests))
	underLoad(t, address, dir, requests, func(i int, answer cases.Answer) bool {
		// No version answers after a newer one has.
		version := versionOf(answer.Body)
		if version < max(1, last[i].Load()) {
			return false
		}
		last[i].Store(version)
		return true
	})
	answers := func(want int64) {
		t.Helper()
		for i := range last {
			for deadline := time.Now().Add(localTimeout); last[i].Load() != want; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: version %d answers, want %d", requests[i].Transport, last[i].Load(), want)
				}
			}
		}
	}
	says := func(texts ...string) { t.Helper(); versionsSay(t, address, "tumours", texts...) }
	answers(3)
	put("7", stores.Files{"notes.txt": []byte("the model follows")})
	says(`"version":"7","state":"Refused"`, `"reason":"Incomplete"`, "it has none of the files "+r.files)
	put("7", model)
	began := time.Now()
	answers(7)
	t.Logf("it answers %.1f s after it is complete", time.Since(began).Seconds())
	put("8", stores.Files{r.file: []byte("this is no model")})
	says(`"version":"8","state":"Refused"`, `"reason":"NotLoaded"`, "the server could not load it: ", `"version":"7","state":"Serving"`)
	answers(7)
	put("12", model)
	answers(12)
}

// writeRequests writes the first row of the sample as REST and gRPC have it.
func (r renewed) writeRequests(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.sample, "request.json"))
	if err != nil {
		t.Fatal(err)
	}
	var asked struct{ Data struct{ NDArray [][]float64 } }
	if err := json.Unmarshal(text, &asked); err != nil || len(asked.Data.NDArray) == 0 {
		t.Fatalf("reading the rows of %s: %v", r.sample, err)
	}
	row, err := json.Marshal(asked.Data.NDArray[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{
		"rest.json": `{"inputs":[{"name":"input","shape":[1,%d],"datatype":"FP32","data":%s}]}`,
		"grpc.json": `{"modelName":"tumours","inputs":[{"name":"input","shape":["1","%d"],"datatype":"FP32","contents":{"fp32Contents":%s}}]}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), fmt.Appendf(nil, form, len(asked.Data.NDArray[0]), row), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// versionOf is the version that an answer over REST or gRPC says; 0: none.
func versionOf(answer string) int64 {
	var m struct {
		Version      string `json:"model_version"`
		ModelVersion string `json:"modelVersion"`
	}
	if json.Unmarshal([]byte(answer), &m) != nil {
		return 0
	}
	version, err := strconv.ParseInt(m.Version+m.ModelVersion, 10, 64)
	if err != nil {
		return 0
	}
	return version
}
