// Package crossed asks real models behind the real MLServer for tables, in each
// form that a client may send one, and holds the answers against what the
// models themselves say. It is the test of the table in docs/translation.md.
package crossed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/source"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// startTimeout bounds the start of a server, which imports much of Python.
const startTimeout = 3 * time.Minute

// server is MLServer with all the models.
type server struct{ http, grpc int }

func TestCrossed(t *testing.T) {
	t.Parallel()
	python := tools.Path(t, "crossed-servers")
	bin := programs.Build(t)
	folder := t.TempDir()
	truth := models(t, python, folder)
	s := serve(t, filepath.Dir(python), folder)
	whole, ways := t, map[string]*way{}
	for _, c := range cases() {
		t.Run(c.model+"/"+c.name, func(t *testing.T) {
			key := c.model + " " + c.protocol + " " + c.method + c.implementation()
			if ways[key] == nil {
				ways[key] = lead(whole, bin, s, c)
			}
			for _, transport := range c.transports() {
				got, want := ways[key].ask(t, c, transport), numeric(c.want)
				if want == "" {
					got, want = strings.NewReplacer("[", "", "]", "").Replace(got), listed(truth[cmp.Or(c.says, c.model)])
				}
				if !strings.Contains(got, want) {
					t.Errorf("%s: %s\nwant %s", transport, got, want)
				}
			}
		})
	}
}

// listed is what a model says, row by row. Where brackets are in an answer
// differs between its forms.
func listed(truth []float64) string {
	text := make([]string, len(truth))
	for i, v := range truth {
		text[i] = fmt.Sprint(v)
	}
	return strings.Join(text, ",")
}

// models makes the models and returns what they say themselves.
func models(t *testing.T, python, folder string) (truth map[string][]float64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-W", "ignore", source.Path("tests", "crossed", "models.py"), folder)
	cmd.Env = append(os.Environ(), "PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("making the models: %v\n%s", err, problems.Bytes())
	}
	if err := json.Unmarshal(out, &truth); err != nil {
		t.Fatalf("reading what the models say: %v in %s", err, out)
	}
	for copied, of := range map[string]string{"signed": "person", "unsigned": "person", "array": "holes"} {
		truth[copied] = truth[of]
	}
	return truth
}

func serve(t *testing.T, binaries, folder string) server {
	t.Helper()
	s := server{programs.FreePort(t), programs.FreePort(t)}
	settings := fmt.Sprintf(`{"host":"127.0.0.1","http_port":%d,"grpc_port":%d,"metrics_port":%d,"parallel_workers":0}`, s.http, s.grpc, programs.FreePort(t))
	if err := os.WriteFile(filepath.Join(folder, "settings.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(binaries, "mlserver"), "start", folder)
	await(t, fmt.Sprintf("http://127.0.0.1:%d/v2/health/ready", s.http))
	return s
}

// run starts a program that ends with the test.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	runCommand(t, exec.Command(name, args...))
}

func runCommand(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var output programs.Output
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(cmd.Path), output.String())
		}
	})
}

func await(t *testing.T, url string) {
	t.Helper()
	for end := time.Now().Add(startTimeout); ; time.Sleep(100 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not ready: %v", url, err)
		}
	}
}

// way is an executor before one model, in one protocol.
type way struct {
	http int
	grpc *grpc.ClientConn
}

const document = `{"apiVersion":"machinelearning.seldon.io/v1","kind":"SeldonDeployment","metadata":{"name":"crossed"},"spec":{"predictors":[{"name":"p","graph":
{"name":%q,"type":"MODEL","implementation":%q,"parameters":[{"name":"method","type":"STRING","value":%q}],
"endpoint":{"service_host":"127.0.0.1","httpPort":%d,"grpcPort":%d,"protocol":"v2"}}}]}}`

// lead starts an executor. It serves to the end of the whole test.
func lead(t *testing.T, bin string, s server, c crossing) *way {
	t.Helper()
	ports := [2]int{programs.FreePort(t), programs.FreePort(t)}
	file := filepath.Join(t.TempDir(), "deployment.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, document, c.model, c.implementation(), c.method, s.http, s.grpc), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(bin, "executor"), "--file", file, "--protocol", c.protocol,
		"--http_port", fmt.Sprint(ports[0]), "--grpc_port", fmt.Sprint(ports[1]))
	await(t, fmt.Sprintf("http://127.0.0.1:%d/ready", ports[0]))
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", ports[1]), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return &way{ports[0], conn}
}

func (w *way) ask(t *testing.T, c crossing, transport string) string {
	t.Helper()
	if transport == "gRPC" {
		return w.askRPC(t, c)
	}
	path := "/api/v1.0/predictions"
	switch c.protocol {
	case "tensorflow":
		path = "/v1/models/" + c.model + ":predict"
	case "v2":
		path = "/v2/models/" + c.model + "/infer"
	}
	_, body := post(t, fmt.Sprintf("http://127.0.0.1:%d%s", w.http, path), "application/json", strings.NewReader(c.request))
	return numeric(body)
}

func (w *way) askRPC(t *testing.T, c crossing) string {
	t.Helper()
	var in seldon.SeldonMessage
	if err := protojson.Unmarshal([]byte(c.request), &in); err != nil {
		t.Fatal(err)
	}
	out, err := seldon.NewSeldonClient(w.grpc).Predict(t.Context(), &in)
	if err != nil {
		return numeric(err.Error())
	}
	text, err := protojson.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return numeric(string(text))
}

// numeric drops what differs between ways to write the same: white space, and
// quotes that JSON escapes in an error.
func numeric(text string) string {
	return strings.NewReplacer(`\"`, `"`, ", ", ",").Replace(text)
}
