package program

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// lines are what an executor has logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// of are the lines about a request: so many at least, since a client may have its
// answer before the line is written.
func (l *lines) of(t *testing.T, puid string, least int) (found []map[string]any) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		found = nil
		for line := range strings.Lines(text) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if fields["puid"] == puid {
				found = append(found, fields)
			}
		}
		if len(found) >= least || time.Now().After(end) {
			return found
		}
	}
}

// TestAFailedRequestIsFound has a component fail in each way, and looks for what
// was wrong as one would who knows nothing but the id of a request: in the one line
// about it, and in the metrics.
func TestAFailedRequestIsFound(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "a secret", http.StatusInternalServerError)
		},
		"shape": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "4 columns, not 3", http.StatusBadRequest) },
		// As servers of Python do: what the model takes is known, so that it is the client's fault.
		"misfit": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "ValueError", http.StatusInternalServerError)
		},
		"frozen": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // Only then is it told that the client has left.
			<-r.Context().Done()
		},
		"well": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"strData":"hello"}`)) },
	}
	examples := t.TempDir()
	if err := os.WriteFile(filepath.Join(examples, "m.json"), []byte(`{"inputs":[{"datatype":"FP64","shape":[-1,4]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	sent := map[string]string{"misfit": `{"data":{"ndarray":[[1,2,3]]}}`}
	node := func(name string, port int) string {
		return fmt.Sprintf(`{"name":%q,"type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":%d,"service_port":%[2]d}}`, name, port)
	}
	for _, c := range []struct {
		component, reason string
		status            int
		// error is a part of what the line says; empty: the answer is not quoted.
		error string
	}{
		{"broken", "refused", 500, ""},
		{"shape", "declined", 400, ""},
		{"misfit", "invalid", 400, "it takes 4 columns, shape [-1,4], and was sent shape [1,3]"},
		{"frozen", "timeout", 500, "deadline exceeded"},
		{"killed", "unreachable", 500, "connection refused"},
		{"well", "", 200, ""},
	} {
		t.Run(c.component, func(t *testing.T) {
			component := httptest.NewServer(answers[c.component])
			port := component.Listener.Addr().(*net.TCPAddr).Port
			if c.component == "killed" {
				component.Close()
			} else {
				defer component.Close()
			}
			var log lines
			listening := servingTo(t, loadWith(t, `{"name":"p","graph":`+node("m", port)+`}`, map[string]string{"RADIANT_ACCESS_LOG": "true", "RADIANT_EXAMPLES": examples}), &log)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listening[0]+"/api/v1.0/predictions", strings.NewReader(cmp.Or(sent[c.component], `{"data":{"ndarray":[[1,2,3,4]]}}`)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/json"}, "Seldon-Puid": {"the-one"}, "X-Request-Timeout-Ms": {"300"}}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != c.status {
				t.Errorf("status is %d, want %d", answer.StatusCode, c.status)
			}
			want := 2 // and that of the access log
			if c.reason == "" {
				want = 1
			}
			found := log.of(t, "the-one", want)
			if len(found) != want {
				t.Fatalf("lines are %v", found)
			}
			last := found[want-1]
			if last["msg"] != "request" || last["status"] != float64(c.status) || last["service"] != "predictions" {
				t.Errorf("line is %v", last)
			}
			if c.reason == "" {
				return
			}
			line := found[0]
			said, _ := line["error"].(string)
			for field, want := range map[string]any{
				"level": "WARN", "msg": "request failed", "node": "m", "call": "predict", "service": "predictions", "status": float64(c.status), "reason": c.reason,
			} {
				if line[field] != want {
					t.Errorf("%s is %v, want %v", field, line[field], want)
				}
			}
			if (said == "") != (c.error == "") || !strings.Contains(said, c.error) {
				t.Errorf("the line says %q", said)
			}
			if took, ok := line["duration_ms"].(float64); !ok || c.component == "frozen" && took < 250 {
				t.Errorf("it took %v ms", line["duration_ms"])
			}
			counted := `radiant_executor_client_errors_total{`
			reason := map[string]string{"declined": "refused"}[c.reason]
			if reason == "" {
				reason = c.reason
			}
			if page := fetched(t, "http://"+listening[0]+"/metrics"); !strings.Contains(page, counted) || !strings.Contains(page, `reason="`+reason+`"`) {
				t.Errorf("no error for the reason %s is counted", reason)
			}
		})
	}
}

// TestAFailedCallIsFound is the same over gRPC.
func TestAFailedCallIsFound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	var log lines
	listening := servingTo(t, loadWith(t, fmt.Sprintf(`{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":{"service_host":"127.0.0.1","grpcPort":%d,"service_port":%[1]d,"type":"GRPC"}}}`, port), map[string]string{}), &log)
	conn, err := grpc.NewClient("passthrough:///"+listening[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "seldon-puid", "the-one")
	if _, err := seldon.NewSeldonClient(conn).Predict(ctx, &seldon.SeldonMessage{}); err == nil {
		t.Error("a node that is not there answers")
	}
	found := log.of(t, "the-one", 1)
	if len(found) != 1 || found[0]["node"] != "m" || found[0]["status"] != "Unavailable" || found[0]["reason"] != "unreachable" || found[0]["service"] != "/seldon.protos.Seldon/Predict" {
		t.Errorf("lines are %v", found)
	}
}

func fetched(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
