package stores

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// StartGCS starts a fake-gcs-server with buckets and their objects, and returns
// the environment of a client.
func StartGCS(t testing.TB, buckets map[string]Files) map[string]string {
	t.Helper()
	return StartGCSAt(t, Loopback, buckets)
}

// StartGCSAt is StartGCS at another address of this machine, such as one that
// pods can reach.
func StartGCSAt(t testing.TB, host string, buckets map[string]Files) map[string]string {
	t.Helper()
	server := tools.Path(t, "fake-gcs-server")
	dir := t.TempDir()
	for bucket, files := range buckets {
		for key, content := range files {
			path := filepath.Join(dir, bucket, filepath.FromSlash(key))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	address := serveAt(t, host, func(host, port string) *exec.Cmd {
		return exec.Command(server, "-scheme", "http", "-host", host, "-port", port, "-backend", "memory", "-data", dir,
			"-public-host", host+":"+port, "-log-level", "error")
	})
	return map[string]string{"STORAGE_EMULATOR_HOST": address}
}

// PutGCS writes objects into a bucket of a server whose clients have this environment.
func PutGCS(t testing.TB, env map[string]string, bucket string, files Files) {
	t.Helper()
	for key, content := range files {
		at := "http://" + env["STORAGE_EMULATOR_HOST"] + "/upload/storage/v1/b/" + bucket + "/o?uploadType=media&name=" + url.QueryEscape(key)
		response, err := http.Post(at, "application/octet-stream", bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("writing %s: %s", key, response.Status)
		}
	}
}
