package stores

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// localTimeout bounds a start that installs TensorFlow.
const localTimeout = 10 * time.Minute

// TestLocal serves the digits from two stores at once, by radiant local.
func TestLocal(t *testing.T) {
	t.Parallel()
	bin := programs.Build(t)
	files := stores.Folder(t, "../../samples/mnist/model", "models/mnist/")
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", files)
	env := with(s.Env(), "STORAGE_EMULATOR_HOST", stores.StartGCS(t, map[string]stores.Files{"bucket": files})["STORAGE_EMULATOR_HOST"],
		"RADIANT_MODEL_CACHE", t.TempDir())
	sample, err := os.ReadFile("../../samples/mnist/mnist.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	for _, scheme := range []string{"s3", "gs"} {
		document := strings.ReplaceAll(string(sample), "name: mnist\n", "name: mnist-"+scheme+"\n")
		documents = append(documents, strings.Replace(document, "modelUri: ./model", "modelUri: "+scheme+"://bucket/models/mnist", 1))
	}
	file := filepath.Join(t.TempDir(), "mnist.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(documents, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{bin, file, env, 2})
	for _, scheme := range []string{"s3", "gs"} {
		answer := predict(t, "http://"+address+"/seldon/default/mnist-"+scheme+"/api/v1.0/predictions")
		if got, want := digit(t, answer), digit(t, expected(t)); got != want {
			t.Errorf("%s: the digit is %d, want %d: %s", scheme, got, want, answer)
		} else {
			t.Logf("%s: the digit is %d", scheme, got)
		}
	}
	kept, err := filepath.Glob(filepath.Join(env["RADIANT_MODEL_CACHE"], "sha256", "*"))
	if err != nil || len(kept) != len(files) {
		t.Errorf("the cache has %d files (%v), want %d: the same ones from both stores", len(kept), err, len(files))
	}
}

// laptop is a file for radiant local, and how many deployments it has.
type laptop struct {
	bin, file   string
	env         map[string]string
	deployments int
}

// local runs radiant local until the test ends, and returns the gateway's address when
// all deployments are ready.
func local(t *testing.T, l laptop, flags ...string) (address string) {
	t.Helper()
	address = fmt.Sprintf("localhost:%d", programs.FreePort(t))
	cmd := exec.Command(filepath.Join(l.bin, "radiant"), append([]string{"local", "--port", strings.TrimPrefix(address, "localhost:"), "-f", l.file}, flags...)...)
	cmd.Env = os.Environ()
	for name, value := range l.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var output programs.Output
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := stores.Await(cmd)
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		if t.Failed() {
			t.Log(output.String())
		}
	})
	for deadline := time.Now().Add(localTimeout); time.Now().Before(deadline); {
		select {
		case <-ended:
			t.Fatal("radiant local ended")
		case <-time.After(200 * time.Millisecond):
		}
		if ready(address, l.deployments) {
			return address
		}
	}
	t.Fatal("not ready")
	return ""
}

// ready asks the gateway whether the predictors of so many deployments are.
func ready(address string, deployments int) bool {
	resp, err := http.Get("http://" + address + "/")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	var index struct {
		Deployments []struct{ Predictors []struct{ Ready bool } }
	}
	if json.NewDecoder(resp.Body).Decode(&index) != nil || len(index.Deployments) != deployments {
		return false
	}
	for _, d := range index.Deployments {
		if len(d.Predictors) != 1 || !d.Predictors[0].Ready {
			return false
		}
	}
	return true
}

func predict(t *testing.T, url string) []byte {
	t.Helper()
	body, err := os.ReadFile("../../samples/mnist/request.json")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", resp.Status, answer.String(), err)
	}
	return answer.Bytes()
}

func expected(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../samples/mnist/response.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// digit is the most probable one of the first answer.
func digit(t *testing.T, answer []byte) int {
	t.Helper()
	var m struct {
		Data struct {
			Tensor  struct{ Values []float64 }
			NDArray [][]float64 `json:"ndarray"`
		}
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatal(err)
	}
	values := m.Data.Tensor.Values
	if len(m.Data.NDArray) > 0 {
		values = m.Data.NDArray[0]
	}
	if len(values) < 10 {
		t.Fatalf("no digits in %s", answer)
	}
	return slices.Index(values[:10], slices.Max(values[:10]))
}
