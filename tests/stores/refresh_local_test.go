package stores

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// rents is a deployment of the sample of versions, whose server loads the highest.
const rents = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: rents}
spec:
  predictors:
  - name: default
    graph: {name: rents, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/rents", modelRefresh: 5s}
`

// rentsAre is the answer of a version to the question of the sample.
func rentsAre(answer string) float64 {
	var m struct {
		Data struct {
			NDArray [][]float64 `json:"ndarray"`
		}
	}
	if json.Unmarshal([]byte(answer), &m) != nil || len(m.Data.NDArray) != 1 || len(m.Data.NDArray[0]) != 1 {
		return 0
	}
	return m.Data.NDArray[0][0]
}

// TestANewVersionIsServed by radiant local from a bucket, under load over REST and
// gRPC, and no request fails: one that is half written is waited for, and one that does
// not load, or fails the requests that it is to be warmed up by, leaves the one before it.
func TestANewVersionIsServed(t *testing.T) {
	t.Parallel()
	const sample = "../../samples/versions"
	of := func(version, as string) stores.Files {
		return stores.Folder(t, sample+"/model/"+version, "rents/"+as+"/")
	}
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", of("3", "3"))
	file, state := filepath.Join(t.TempDir(), "rents.yaml"), t.TempDir()
	if err := os.WriteFile(file, []byte(rents), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, with(s.Env(), "RADIANT_MODEL_CACHE", t.TempDir()), 1}, "--state-dir", state)

	var last, swerved atomic.Int64
	var onlyNine atomic.Bool
	underLoad(t, address, sample, []paced{
		{cases.Request{Transport: "rest", Path: "/seldon/default/rents/api/v1.0/predictions", BodyFile: "request.json"}, 10 * time.Millisecond},
		{cases.Request{Transport: "grpc", Method: "/seldon.protos.Seldon/Predict", Headers: map[string]string{"seldon": "rents", "namespace": "default"}, BodyFile: "request.json"}, 50 * time.Millisecond},
	}, func(_ int, answer cases.Answer) bool {
		got := rentsAre(answer.Body)
		if got == 0 {
			return false
		}
		if was := last.Swap(int64(got)); was == 600 && got != 600 && onlyNine.Load() {
			swerved.Add(1)
		}
		return true
	})
	answers := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); last.Load() != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the answer is %d, want %d", last.Load(), want)
			}
		}
	}
	says := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); ; time.Sleep(50 * time.Millisecond) {
			found, _ := filepath.Glob(filepath.Join(state, "*", "*", "*", "volumes", "*", ".radiant-versions.json"))
			said := ""
			for _, name := range found {
				content, _ := os.ReadFile(name)
				said += string(content)
			}
			if strings.Contains(said, text) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%v do not say %q: %s", found, text, said)
			}
		}
	}
	answers(600)

	const weights = "rents/7/variables/variables.data-00000-of-00001"
	next := of("7", "7")
	half := stores.Files{}
	for key, content := range next {
		if key != weights {
			half[key] = content
		}
	}
	s.Put(t, "bucket", half)
	says("none of the files variables.data-")
	s.Put(t, "bucket", stores.Files{weights: next[weights]})
	put := time.Now()
	answers(630)
	t.Logf("it answers %.1f s after it is complete", time.Since(put).Seconds())

	broken := of("3", "8")
	broken["rents/8/saved_model.pb"] = []byte("this is no graph")
	s.Put(t, "bucket", broken)
	says("the server could not load it: ")
	answers(630)
	if here, err := filepath.Glob(filepath.Join(state, "*", "*", "*", "volumes", "*", "[0-9]*")); err != nil || len(here) != 1 || filepath.Base(here[0]) != "7" {
		t.Errorf("there are %v, %v; want 7 alone", here, err)
	}
	s.Put(t, "bucket", of("3", "9"))
	answers(600)
	time.Sleep(100 * time.Millisecond) // What was under way is answered.
	onlyNine.Store(true)

	cold := of("7", "10")
	cold["rents/10/warmup.json"] = []byte(`{"instances": ["a word is no size"]}`)
	s.Put(t, "bucket", cold)
	says("warming up by warmup.json, request 1: ")
	answers(600)
	if got := swerved.Load(); got != 0 {
		t.Errorf("%d requests were answered by a version that was refused", got)
	}
}

// TestANewArchiveIsServed by radiant local from a web server: an archive without numbered
// folders is a version by the time of its last change, and one that is no archive leaves
// what serves.
func TestANewArchiveIsServed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put := func(second int64, content []byte) {
		t.Helper()
		file := filepath.Join(root, "rents.tar.gz")
		err := os.WriteFile(file+".new", content, 0o600)
		if err == nil {
			err = os.Chtimes(file+".new", time.Unix(second, 0), time.Unix(second, 0))
		}
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	of := func(version string) []byte {
		files := map[string]string{}
		for name, content := range stores.Folder(t, "../../samples/versions/model/"+version, "") {
			files[name] = string(content)
		}
		return packed(files)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(root)))
	t.Cleanup(server.Close)
	put(1000, of("3"))
	file, state := filepath.Join(t.TempDir(), "rents.yaml"), t.TempDir()
	if err := os.WriteFile(file, []byte(strings.Replace(rents, "s3://bucket/rents", server.URL+"/rents.tar.gz", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, map[string]string{"RADIANT_MODEL_CACHE": t.TempDir()}, 1}, "--state-dir", state)
	answers := func(want float64, version string) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); ; time.Sleep(50 * time.Millisecond) {
			answer, err := cases.Send(address, "../../samples/versions", cases.Request{
				Transport: "rest", Path: "/seldon/default/rents/api/v1.0/predictions", BodyFile: "request.json",
				Headers: map[string]string{"Seldon-Model-Version": version},
			})
			if err == nil && rentsAre(answer.Body) == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the answer is %+v, %v; want %g", answer, err, want)
			}
		}
	}
	answers(600, "1000")
	put(2000, []byte("no archive"))
	refused := filepath.Join(state, "*", "*", "*", "volumes", "*", ".radiant-versions.json")
	for deadline := time.Now().Add(localTimeout); ; time.Sleep(50 * time.Millisecond) {
		found, _ := filepath.Glob(refused)
		if len(found) == 1 {
			if text, err := os.ReadFile(found[0]); err == nil && strings.Contains(string(text), "unpacking rents.tar.gz") {
				break
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v do not say what is refused", found)
		}
	}
	answers(600, "1000")
	says := func(texts ...string) { t.Helper(); versionsSay(t, address, "rents", texts...) }
	says(`"version":"2000","state":"Refused"`, `"reason":"NotFetched"`, "unpacking rents.tar.gz", `"version":"1000","state":"Serving"`)
	put(3000, of("7"))
	answers(630, "3000")
	says(`"version":"3000","state":"Serving"`)
}
