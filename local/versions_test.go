package local

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"testing"

	"github.com/prime-radiant/radiant/local/localtest"
)

// actVersions answers, in the open inference protocol, with its id and with the
// version that is in the path.
func actVersions([]string) int {
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/models/clf/versions/{version}/infer", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model_name":"clf","model_version":%q,"outputs":[{"name":"pid","datatype":"INT64","shape":[1],"data":[%d]}]}`, r.PathValue("version"), os.Getpid())
	})
	l, err := net.Listen("tcp", ":"+os.Getenv("PREDICTIVE_UNIT_HTTP_SERVICE_PORT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	server := &http.Server{Handler: mux}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { server.Close() })
	server.Serve(l)
	return 0
}

// shared is a deployment whose server has versions.
const shared = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: shared}
spec:
  protocol: v2
  predictors:
  - name: main
    graph:
      name: clf
      type: MODEL
      endpoint: {type: REST}
      %s
    componentSpecs:
    - spec:
        containers:
        - {name: clf, image: "example.com/clf:1"}
`

// TestOtherSharesOfVersionsStartNothing changes shares and labels in the file: the
// next requests are answered by another version of the same process.
func TestOtherSharesOfVersionsStartNothing(t *testing.T) {
	t.Parallel()
	s := newSession(t, fmt.Sprintf(shared, `versionTraffic: {"1": 100}`))
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("versions")}
	s.options.Watch = []string{s.file}
	s.start()
	pattern := regexp.MustCompile(`"model_version":"(\w+)".*"data":\[(\d+)\]`)
	ask := func() (version, pid string) {
		code, body := s.post("/seldon/default/shared/v2/models/clf/infer", `{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1]}]}`)
		m := pattern.FindStringSubmatch(body)
		if code != http.StatusOK || m == nil {
			t.Fatalf("status %d: %s", code, body)
		}
		return m[1], m[2]
	}
	version, pid := ask()
	if version != "1" {
		t.Fatalf("version %s answers", version)
	}
	const labelled = "versionTraffic: {stable: 100}\n      parameters: [{name: version_labels, type: STRING, value: stable=%s}]"
	for _, c := range []struct{ says, want string }{
		{`versionTraffic: {"2": 100}`, "2"}, {fmt.Sprintf(labelled, "old"), "old"}, {fmt.Sprintf(labelled, "new"), "new"},
	} {
		s.write(fmt.Sprintf(shared, c.says))
		localtest.Eventually(t, "version "+c.want+" answers", func() bool { version, _ := ask(); return version == c.want })
		if _, now := ask(); now != pid {
			t.Errorf("process %s answers in the place of %s", now, pid)
		}
	}
	s.screen.Await(t, "has other shares or labels of versions")
	s.stop()
}
