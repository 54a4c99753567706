package local

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// TestChangedCodeIsServedWithoutAFailedRequest: what --exec runs is edited while
// requests come, then everything is started again by r and Enter.
func TestChangedCodeIsServedWithoutAFailedRequest(t *testing.T) {
	code := filepath.Join(t.TempDir(), "serve.sh")
	write := func(name string) {
		if err := os.WriteFile(code, []byte(execAct("abrupt", name)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	s := newSession(t, fmt.Sprintf(alone, "0"))
	s.options.Exec = map[string]string{"clf": "sh " + code}
	s.options.Watch = []string{s.file}
	keys, typing := io.Pipe()
	defer typing.Close()
	s.options.Keys = keys
	s.start()
	const path = "/seldon/default/alone/predict"
	var asking sync.WaitGroup
	stop := make(chan struct{})
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if code, body := s.post(path+"?sleep=20ms", `{"data":{"ndarray":[[1]]}}`); code != http.StatusOK {
				t.Errorf("status %d: %s", code, body)
				return
			}
		}
	})
	write("second")
	s.screen.Await(t, "deployment alone, predictor main: starting, since its model or code has changed", "deployment alone: the change is served")
	if _, body := s.post(path, `{}`); !strings.Contains(body, `["second"]`) {
		t.Errorf("the answer is %s", body)
	}
	pid := s.modelPID(path)
	if _, err := io.WriteString(typing, "r nobody\nr clf\n"); err != nil {
		t.Fatal(err)
	}
	s.screen.Await(t, `there is no node and no predictor "nobody"`, "deployment alone, predictor main: starting\n")
	for s.modelPID(path) == pid {
		if t.Context().Err() != nil {
			t.Fatal("the node was not started again")
		}
	}
	close(stop)
	asking.Wait()
	s.stop()
}

func TestStampsTellStatesApart(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("model/1/saved_model.pb", "1")
	put("Mine.py", "")
	put("pkg/__init__.py", "")
	p := &v1.PredictorSpec{Name: "main", Graph: graph.Node{Name: "clf", ModelURI: "file://" + filepath.ToSlash(filepath.Join(home, "model"))}}
	d := &v1.SeldonDeployment{}
	d.Name = "one"
	models, code := madeOf(d, p, map[string]string{"main/clf": "seldon-core-microservice Mine --service-type MODEL; python -m pkg", "other": "python x.py"})
	if diff := cmp.Diff([]string{filepath.Join(home, "Mine.py"), filepath.Join(home, "pkg", "__init__.py")}, code); diff != "" {
		t.Errorf("the code (-want +got):\n%s", diff)
	}
	folders := foldersOf(models, code)
	for _, want := range []string{home, filepath.Join(home, "model"), filepath.Join(home, "model", "1"), filepath.Join(home, "pkg")} {
		if !slices.Contains(folders, want) {
			t.Errorf("%s is not watched: %q", want, folders)
		}
	}
	before := stamp(models, code)
	for _, c := range []struct {
		name, text string
		counts     bool
	}{
		{"Mine.pyc", "compiled", false},
		{"model/.part", "hidden", false},
		{"notes.txt", "of another kind", false},
		{"model/2/saved_model.pb", "2", true},
		{"helper.py", "imported", true},
		{"pkg/__init__.py", "changed", true},
	} {
		put(c.name, c.text)
		after := stamp(models, code)
		if (after != before) != c.counts {
			t.Errorf("%s: a change counts: %v", c.name, after != before)
		}
		before = after
	}
}
