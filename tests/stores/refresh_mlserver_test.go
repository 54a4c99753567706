package stores

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/lines"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// line is a deployment of a model of scikit-learn.
const line = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: line}
spec:
  protocol: v2
  predictors:
  - name: default
    graph: {name: line, implementation: SKLEARN_SERVER, modelUri: "s3://bucket/line", modelRefresh: 5s}
`

// lineIs is what a model answered that was asked for 1, over REST or gRPC, and the version
// that it says.
func lineIs(answer string) (value float64, version string) {
	var m struct {
		Version      string `json:"model_version"`
		ModelVersion string `json:"modelVersion"`
		Outputs      []struct {
			Data     []float64 `json:"data"`
			Contents struct {
				FP64 []float64 `json:"fp64Contents"`
			} `json:"contents"`
		} `json:"outputs"`
	}
	if json.Unmarshal([]byte(answer), &m) != nil || len(m.Outputs) != 1 {
		return 0, ""
	}
	for _, v := range append(m.Outputs[0].Data, m.Outputs[0].Contents.FP64...) {
		return math.Round(v), m.Version + m.ModelVersion
	}
	return 0, ""
}

// TestANewVersionIsLoaded by the real MLServer, told so by what radiant local runs beside
// it, under load over REST and gRPC, and no request fails: one that has no model yet is
// waited for, and one that does not load leaves the one before it.
func TestANewVersionIsLoaded(t *testing.T) {
	t.Parallel()
	models, asked := t.TempDir(), t.TempDir()
	lines.Make(t, models, "3", "7", "9", "12")
	for name, text := range map[string]string{
		"rest.json": `{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[1]}]}`,
		"grpc.json": `{"modelName":"line","inputs":[{"name":"x","datatype":"FP64","shape":["1","1"],"contents":{"fp64Contents":[1]}}]}`,
	} {
		if err := os.WriteFile(filepath.Join(asked, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := stores.StartS3(t, "bucket")
	put := func(version, file string, content []byte) {
		t.Helper()
		s.Put(t, "bucket", stores.Files{"line/" + version + "/" + file: content})
	}
	put("3", lines.File, lines.Read(t, models, "3"))
	file, state := filepath.Join(t.TempDir(), "line.yaml"), t.TempDir()
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, with(s.Env(), "RADIANT_MODEL_CACHE", t.TempDir()), 1}, "--state-dir", state)

	var last [2]atomic.Int64
	underLoad(t, address, asked, []paced{
		{cases.Request{Transport: "rest", Path: "/seldon/default/line/v2/models/line/infer", BodyFile: "rest.json"}, 10 * time.Millisecond},
		{cases.Request{Transport: "grpc", Method: "/inference.GRPCInferenceService/ModelInfer", Headers: map[string]string{"seldon": "line", "namespace": "default"}, BodyFile: "grpc.json"}, 50 * time.Millisecond},
	}, func(i int, answer cases.Answer) bool {
		// No version answers after a newer one has.
		got, version := lineIs(answer.Body)
		if got == 0 || fmt.Sprint(got) != version || int64(got) < last[i].Load() {
			return false
		}
		last[i].Store(int64(got))
		return true
	})
	answers := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); last[0].Load() != want || last[1].Load() != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the answers are %d and %d, want %d", last[0].Load(), last[1].Load(), want)
			}
		}
	}
	says := func(texts ...string) { t.Helper(); versionsSay(t, address, "line", texts...) }
	here := func(want ...string) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); ; time.Sleep(100 * time.Millisecond) {
			found, _ := filepath.Glob(filepath.Join(state, "*", "*", "*", "volumes", "*", "[0-9]*"))
			var names []string
			for _, f := range found {
				names = append(names, filepath.Base(f))
			}
			if strings.Join(names, " ") == strings.Join(want, " ") {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("there are %v, want %v", names, want)
			}
		}
	}
	answers(3)

	put("7", "notes.txt", []byte("the model follows"))
	says(`"version":"7","state":"Refused"`, `"reason":"Incomplete"`, "it has none of the files model.joblib")
	put("7", lines.File, lines.Read(t, models, "7"))
	began := time.Now()
	answers(7)
	t.Logf("it answers %.1f s after it is complete", time.Since(began).Seconds())
	says(`"version":"7","state":"Serving"`)
	here("7") // The one before it is dropped.

	put("8", lines.File, []byte("this is no model"))
	says(`"version":"8","state":"Refused"`, `"reason":"NotLoaded"`, "the server could not load it: ", `"version":"7","state":"Serving"`)
	answers(7)
	here("7")

	// Settings of its own, whose name and version are those of the node and the folder.
	put("9", "nine.joblib", lines.Read(t, models, "9"))
	put("9", "model-settings.json", []byte(`{"name":"nine","implementation":"mlserver_sklearn.SKLearnModel","parameters":{"uri":"./nine.joblib","version":"v1"}}`))
	answers(9)
	put("12", lines.File, lines.Read(t, models, "12"))
	answers(12)
}
