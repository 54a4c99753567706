package program

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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
