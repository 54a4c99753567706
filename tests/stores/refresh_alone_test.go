package stores

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// TestOneVersionAtATime by radiant local: the server has never two versions loaded, by its
// own words. One that does not load leaves, when the other is back, what served before.
func TestOneVersionAtATime(t *testing.T) {
	t.Parallel()
	const sample = "../../samples/versions"
	store, state := t.TempDir(), t.TempDir()
	put := func(version, as string, change func(dir string)) {
		t.Helper()
		staged := filepath.Join(t.TempDir(), as)
		if err := os.CopyFS(staged, os.DirFS(filepath.Join(sample, "model", version))); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(staged)
		}
		if err := os.Rename(staged, filepath.Join(store, as)); err != nil {
			t.Fatal(err)
		}
	}
	put("3", "3", nil)
	file := filepath.Join(t.TempDir(), "rents.yaml")
	text := strings.Replace(strings.Replace(rents, "spec:", "spec:\n  protocol: tensorflow", 1), `modelUri: "s3://bucket/rents"`, `modelUri: "`+filepath.ToSlash(store)+`", parameters: [{name: one_at_a_time, type: BOOL, value: "true"}]`, 1)
	if err := os.WriteFile(filepath.Join(state, "request.json"), []byte(`{"instances": [[50]]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := local(t, laptop{programs.Build(t), file, map[string]string{"RADIANT_MODEL_CACHE": t.TempDir()}, 1}, "--state-dir", state)

	// What the server says, and the answer, until something holds; all in between is kept.
	var loaded [][]string
	await := func(what string, is func(answer float64, report string) bool) {
		t.Helper()
		for deadline := time.Now().Add(localTimeout); ; time.Sleep(20 * time.Millisecond) {
			answer, _ := cases.Send(address, state, cases.Request{Transport: "rest", Path: "/seldon/default/rents/v1/models/rents:predict", BodyFile: "request.json"})
			var predicted struct{ Predictions [][]float64 }
			if json.Unmarshal([]byte(answer.Body), &predicted) != nil || len(predicted.Predictions) == 0 {
				predicted.Predictions = [][]float64{{0}}
			}
			said, _ := cases.Send(address, ".", cases.Request{Transport: "rest", Method: http.MethodGet, Path: "/seldon/default/rents/v1/models/rents"})
			var status struct {
				Versions []struct{ Version, State string } `json:"model_version_status"`
			}
			if json.Unmarshal([]byte(said.Body), &status) == nil {
				var now []string
				for _, v := range status.Versions {
					if v.State == "AVAILABLE" || v.State == "LOADING" {
						now = append(now, v.Version)
					}
				}
				if len(loaded) == 0 || !slices.Equal(loaded[len(loaded)-1], now) {
					loaded = append(loaded, now)
				}
			}
			report, _ := cases.Send(address, ".", cases.Request{Transport: "rest", Method: http.MethodGet, Path: "/seldon/default/rents" + discovery.PathReport})
			if is(predicted.Predictions[0][0], report.Body) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the answer is %+v, the report %s; loaded were %v", what, answer, report.Body, loaded)
			}
		}
	}
	await("version 3", func(answer float64, _ string) bool { return answer == 600 })
	put("7", "7", nil)
	await("version 7", func(answer float64, report string) bool {
		return answer == 630 && strings.Contains(report, `"version":"7","state":"Serving"`) && !strings.Contains(report, `"version":"3"`)
	})
	put("3", "8", func(dir string) {
		if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), []byte("this is no graph"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	await("version 7 is aside", func(_ float64, report string) bool { return strings.Contains(report, `"reason":"OneAtATime"`) })
	await("version 7 is back", func(answer float64, report string) bool {
		return answer == 630 && strings.Contains(report, `"version":"8","state":"Refused"`) && strings.Contains(report, `"version":"7","state":"Serving"`)
	})
	t.Logf("loaded were %v", loaded)
	for _, want := range []string{"3", "7"} {
		if !slices.ContainsFunc(loaded, func(now []string) bool { return slices.Equal(now, []string{want}) }) {
			t.Errorf("the server never said that version %s alone is loaded: %v", want, loaded)
		}
	}
	for _, now := range loaded {
		if len(now) > 1 {
			t.Errorf("the server had %v loaded at once; all of them: %v", now, loaded)
		}
	}
	if here, err := filepath.Glob(filepath.Join(state, "*", "*", "*", "volumes", "*", "[0-9]*")); err != nil || len(here) != 1 || filepath.Base(here[0]) != "7" {
		t.Errorf("there are %v, %v; want 7 alone", here, err)
	}
}
