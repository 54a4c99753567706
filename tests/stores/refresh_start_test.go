package stores

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// grown is a deployment of the sample of BentoML that looks for new versions.
const grown = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: grown}
spec:
  protocol: tensorflow
  predictors:
  - name: default
    graph:
      name: grown
      implementation: BENTOML_SERVER
      modelUri: s3://bucket/irises
      modelRefresh: 5s
      parameters: [{name: api_name, type: STRING, value: grown}]
`

// TestANewBentoIsServed by radiant local from a bucket, by another process that takes the
// place of the one before when it is ready, under load, and no request fails. One that does
// not start leaves the one before it.
func TestANewBentoIsServed(t *testing.T) {
	long.Only(t)
	const sample = "../../samples/iris-bento"
	s := stores.StartS3(t, "bucket")
	whole := stores.Folder(t, sample+"/model", "")
	// The service answers with its version.
	put := func(version, answer string) {
		t.Helper()
		for name, content := range whole {
			if strings.HasSuffix(name, "service.py") {
				const says = "return 1 - float(self.model.predict_proba([[5.8, 3.0, length, width]])[0, 0])"
				if !bytes.Contains(content, []byte(says)) {
					t.Fatal("the sample has no such line")
				}
				content = bytes.Replace(content, []byte(says), []byte("return "+answer), 1)
				if answer == "" {
					content = []byte("raise RuntimeError('this is no service')\n")
				}
			}
			s.Put(t, "bucket", stores.Files{"irises/" + version + "/" + name: content})
		}
	}
	put("3", "3.0")
	file := filepath.Join(t.TempDir(), "grown.yaml")
	if err := os.WriteFile(file, []byte(grown), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, with(s.Env(), "RADIANT_MODEL_CACHE", t.TempDir()), 1}, "--state-dir", t.TempDir())
	var last atomic.Int64
	request := cases.Request{Transport: "rest", Path: "/seldon/default/grown/v1/models/grown:predict", BodyFile: "request-number.json"}
	underLoad(t, address, sample, []paced{{request, 10 * time.Millisecond}}, func(_ int, answer cases.Answer) bool {
		_, rest, _ := strings.Cut(answer.Body, `"predictions":[`)
		text, _, _ := strings.Cut(rest, "]")
		version, err := strconv.ParseFloat(text, 64)
		if answer.Status != http.StatusOK || err != nil || int64(version) < last.Load() {
			return false
		}
		last.Store(int64(version))
		return true
	})
	answers := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); last.Load() != want; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("version %d answers, want %d", last.Load(), want)
			}
		}
	}
	serves := func(version string) {
		t.Helper()
		versionsSay(t, address, "grown", fmt.Sprintf(`"start":{"version":%q`, version), fmt.Sprintf(`"version":%q,"state":%q`, version, discovery.Serving))
	}
	answers(3)
	serves("3")
	put("7", "7.0")
	began := time.Now()
	answers(7)
	t.Logf("it answers %.1f s after it is complete", time.Since(began).Seconds())
	serves("7")
	put("8", "")
	versionsSay(t, address, "grown", `"version":"8","state":"Present"`, `"reason":"NextStart"`)
	time.Sleep(10 * time.Second) // It is tried meanwhile.
	answers(7)
	put("12", "12.0")
	answers(12)
}
