package program

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/discovery"
)

// TestModelVersionsPage: an executor tells what its server says of versions, and what the
// program beside it has refused; who has that already gets no body.
func TestModelVersionsPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"model_version_status":[{"version":"8","state":"END","status":{"error_code":"UNKNOWN"}},{"version":"7","state":"AVAILABLE","status":{}}]}`)
	}))
	t.Cleanup(server.Close)
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	folder := t.TempDir()
	const found = `{"ready": true, "store": "it is away", "versions": [
		{"version": 7, "since": "2026-01-02T03:04:05Z", "serving": "2026-01-02T03:04:15Z", "bytes": 100, "signature": "x"},
		{"version": 8, "since": "2026-01-02T03:05:00Z", "refused": "the server could not load it: UNKNOWN", "kind": "broken"}]}`
	if err := os.WriteFile(filepath.Join(folder, discovery.FileName), []byte(found), 0o600); err != nil {
		t.Fatal(err)
	}
	address := start(t, map[string]string{
		"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"name":"p","graph":{
			"name":"m","type":"MODEL","modelRefresh":"60s","endpoint":{"service_host":%q,"httpPort":%s,"protocol":"tensorflow"}}}`, host, port)),
		"RADIANT_PODINFO": t.TempDir(), "RADIANT_MODEL_FOLDERS": "m=" + folder,
	})
	want := discovery.Report{Nodes: []discovery.Node{{Node: "m", Store: "it is away", Versions: []discovery.Version{
		{Version: "7", State: discovery.Serving, Since: time.Date(2026, 1, 2, 3, 4, 15, 0, time.UTC)},
		{Version: "8", State: discovery.Refused, Since: time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC), Reason: "NotLoaded", Message: "the server could not load it: UNKNOWN"},
	}}}}
	ask := func(etag string) (status int, body []byte, got string) {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, "http://"+address+discovery.PathReport, nil)
		if err != nil {
			t.Fatal(err)
		}
		if etag != "" {
			request.Header.Set("If-None-Match", etag)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err = io.ReadAll(response.Body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, body, response.Header.Get("ETag")
	}
	var got discovery.Report
	var etag string
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		status, body, tag := ask("")
		if status == http.StatusOK {
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			etag = tag
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it answers %d %s", status, body)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if status, body, _ := ask(etag); status != http.StatusNotModified || len(body) > 0 {
		t.Errorf("it answers %d %s to who has it", status, body)
	}
	states := map[string]string{}
	for _, m := range scraped(t, address)["radiant_model_version"].GetMetric() {
		var state, version string
		for _, l := range m.GetLabel() {
			switch l.GetName() {
			case "state":
				state = l.GetValue()
			case "version":
				version = l.GetValue()
			}
		}
		states[version] += state
	}
	if diff := cmp.Diff(map[string]string{"7": "AVAILABLE", "8": "REFUSED"}, states); diff != "" {
		t.Errorf("the metric: -want +got:\n%s", diff)
	}
}

// TestWhatAServerStartedWith serves when the server is ready; it is not asked for versions, of
// which it knows nothing.
func TestWhatAServerStartedWith(t *testing.T) {
	var ready atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/health/ready" {
			t.Errorf("%s is asked", r.URL)
		}
		if !ready.Load() {
			http.Error(w, "it loads", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	folder := t.TempDir()
	const found = `{"ready": true, "start": {"version": "7", "told": "6", "next": "9"}, "versions": [
		{"version": 7, "since": "2026-01-02T03:04:05Z"}, {"version": 9, "since": "2026-01-02T03:04:06Z"}]}`
	if err := os.WriteFile(filepath.Join(folder, discovery.FileName), []byte(found), 0o600); err != nil {
		t.Fatal(err)
	}
	address := start(t, map[string]string{
		"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"name":"p","graph":{
			"name":"m","type":"MODEL","modelRefresh":"60s","endpoint":{"service_host":%q,"service_port":%s,"httpPort":%[2]s,"protocol":"v2"}}}`, host, port)),
		"RADIANT_PODINFO": t.TempDir(), "RADIANT_MODEL_FOLDERS": "m=" + folder,
	})
	state := func(want string) {
		t.Helper()
		got := "nothing"
		for deadline := time.Now().Add(time.Minute); got != want; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("it is %s, want %s", got, want)
			}
			response, err := http.Get("http://" + address + discovery.PathReport)
			if err != nil {
				t.Fatal(err)
			}
			var r discovery.Report
			err = json.NewDecoder(response.Body).Decode(&r)
			response.Body.Close()
			if err != nil || len(r.Nodes) != 1 || len(r.Nodes[0].Versions) != 2 {
				continue
			}
			n := r.Nodes[0]
			if diff := cmp.Diff(&discovery.Start{Version: "7", Told: "6", Next: "9"}, n.Start); diff != "" || n.Versions[1].State != discovery.Present {
				t.Fatalf("%+v\n%s", n, diff)
			}
			got = n.Versions[0].State
		}
	}
	state(discovery.Loading)
	ready.Store(true)
	state(discovery.Serving)
}

// TestAServerThatIsSlowToSayThatItIsReady holds up no others for long, and serves what it
// served until it has not said so several times in a row.
func TestAServerThatIsSlowToSayThatItIsReady(t *testing.T) {
	isReady := true
	s := started{within: 10 * time.Millisecond, unready: map[string]int{}, ready: func(ctx context.Context, node string) error {
		if node == "slow" || !isReady {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	all := map[string]discovery.Found{"m": {Start: &discovery.Start{Version: "7"}}, "other": {}, "slow": {Start: &discovery.Start{Version: "3"}}}
	var got []string
	for _, isReady = range []bool{false, true, false, false, true, false, false, false, false} {
		told := s.versions(t.Context(), all)
		if len(told) != 2 || told[1].State != "LOADING" {
			t.Fatalf("%+v", told)
		}
		got = append(got, told[0].State)
	}
	if diff := cmp.Diff([]string{"LOADING", "READY", "READY", "READY", "READY", "READY", "READY", "LOADING", "LOADING"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestModelFolders refuses what it cannot read.
func TestModelFolders(t *testing.T) {
	got, err := modelFolders("a=/x,b=/y")
	if diff := cmp.Diff(map[string]string{"a": "/x", "b": "/y"}, got); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	for _, text := range []string{"a", "=/x", "a=", "a=/x,b"} {
		if _, err := modelFolders(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestTheNewestThatIsReadyAnswers, of a server such as MLServer: its index calls all
// versions ready, and what is asked for none goes to one that it has begun to load.
func TestTheNewestThatIsReadyAnswers(t *testing.T) {
	var ready atomic.Value
	ready.Store(map[string]bool{"3": true, "7": true})
	mux := http.NewServeMux()
	mux.HandleFunc("/v2/repository/index", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"name":"m","version":"8","state":"READY"},{"name":"m","version":"3","state":"READY"},{"name":"m","version":"7","state":"READY"}]`)
	})
	mux.HandleFunc("/v2/models/m/versions/{version}/ready", func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load().(map[string]bool)[r.PathValue("version")] {
			http.NotFound(w, r)
		}
	})
	mux.HandleFunc("/v2/models/m/versions/{version}/infer", func(w http.ResponseWriter, r *http.Request) {
		if !ready.Load().(map[string]bool)[r.PathValue("version")] {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"model_version":%q}`, r.PathValue("version"))
	})
	mux.HandleFunc("/v2/models/m/infer", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Model m is not ready yet.", http.StatusBadRequest)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	address := start(t, map[string]string{
		"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"name":"p","graph":{
			"name":"m","type":"MODEL","modelRefresh":"60s","endpoint":{"service_host":%q,"httpPort":%s,"protocol":"v2"}}}`, host, port)),
		"RADIANT_PODINFO": t.TempDir(),
	}, "--protocol", "v2")
	answers := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			response, err := http.Post("http://"+address+"/v2/models/m/infer", "application/json", strings.NewReader(`{"inputs":[]}`))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if strings.Contains(string(body), want) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the answer is %s, want %s", body, want)
			}
		}
	}
	answers(`"model_version":"7"`)
	ready.Store(map[string]bool{"3": true, "7": true, "8": true})
	answers(`"model_version":"8"`)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + discovery.PathReport)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if strings.Count(string(body), `"state":"Serving"`) == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the page says %s", body)
		}
	}
	ready.Store(map[string]bool{"3": true}) // It goes away, as when the server starts again.
	answers("Model m is not ready yet.")    // The server chooses, until it is asked again.
	answers(`"model_version":"3"`)
}
