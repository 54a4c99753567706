package local

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/localtest"
)

// actOnce reads its model when it starts, from the folder in its first word, and answers with
// that and with its id. A model with the word broken ends it.
func actOnce(args []string) int {
	model, err := os.ReadFile(filepath.Join(args[0], "model.txt"))
	if err != nil || string(model) == "broken" {
		fmt.Fprintln(os.Stderr, "the model cannot be loaded:", err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/models/clf/infer", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model_name":"clf","outputs":[{"name":"pid","datatype":"INT64","shape":[1],"data":[%d]}],"parameters":{"model":%q}}`, os.Getpid(), model)
	})
	l, err := net.Listen("tcp", ":"+os.Getenv("PREDICTIVE_UNIT_HTTP_SERVICE_PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	serveUntilStopped(l, mux)
	return 0
}

// once is a deployment whose server, which is the user's own, loads its model when it starts.
const once = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: once}
spec:
  protocol: v2
  predictors:
  - name: main
    graph: {name: clf, type: MODEL, endpoint: {type: REST}, modelUri: ./model, modelRefresh: 5s}
    componentSpecs:
    - spec:
        containers:
        - {name: clf, image: "example.com/clf:1", args: [/mnt/models]}
`

// TestANewVersionStartsAServer: another process starts with a version that appears, and takes
// the place of the one before when it is ready, while requests come. One that cannot be
// loaded changes nothing, and the next one comes. At another place the numbers are others.
func TestANewVersionStartsAServer(t *testing.T) {
	t.Parallel()
	s := newSession(t, once)
	place := "model"
	put := func(version, model string) {
		t.Helper()
		folder := filepath.Join(filepath.Dir(s.file), place, version)
		if err := os.MkdirAll(folder+".new", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder+".new", "model.txt"), []byte(model), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+".new", folder); err != nil {
			t.Fatal(err)
		}
	}
	put("1", "first")
	s.options.BinDir = programs(t)
	s.options.Watch = []string{s.file}
	s.options.Exec = map[string]string{"clf": execAct("once", `"$1"`)}
	s.start()
	pattern := regexp.MustCompile(`"model":"(\w+)"`)
	ask := func() string {
		code, body := s.post("/seldon/default/once/v2/models/clf/infer", `{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1]}]}`)
		m := pattern.FindStringSubmatch(body)
		if code != http.StatusOK || m == nil {
			t.Fatalf("status %d: %s", code, body)
		}
		return m[1]
	}
	answers := func(want string) {
		t.Helper()
		localtest.Eventually(t, want+" answers", func() bool { return ask() == want })
	}
	answers("first")
	put("2", "second")
	answers("second")
	s.screen.Await(t, "version 2 of node clf is there")
	put("3", "broken")
	s.screen.Await(t, "version 3 of node clf is there")
	s.screen.Await(t, "the model cannot be loaded")
	for range 20 {
		if got := ask(); got != "second" {
			t.Fatalf("%s answers", got)
		}
		time.Sleep(10 * time.Millisecond)
	}
	put("10", "tenth")
	answers("tenth")
	place = "other"
	put("7", "seventh")
	put("20", "twentieth")
	s.write(strings.Replace(once, "./model", "./other", 1))
	localtest.Eventually(t, "twentieth answers", func() bool {
		got := ask()
		if got == "seventh" {
			t.Fatal("by the number of the place before, it is not the newest that answers")
		}
		return got == "twentieth"
	})
	s.stop()
}
