package stores

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Layer is one of an artifact.
type Layer struct {
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Content     []byte            `json:"-"`
}

// StartRegistry runs a registry in memory behind a handler that may refuse
// requests, and returns its address.
func StartRegistry(t testing.TB, before func(w http.ResponseWriter, r *http.Request) (refused bool)) (address string) {
	t.Helper()
	return StartRegistryAt(t, before, "127.0.0.1")[0]
}

// StartRegistryAt runs one that is reached at several hosts of this machine, and returns
// its address for each.
func StartRegistryAt(t testing.TB, before func(w http.ResponseWriter, r *http.Request) (refused bool), hosts ...string) (addresses []string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	for _, host := range hosts {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before == nil || !before(w, r) {
				handler.ServeHTTP(w, r)
			}
		}))
		_ = server.Listener.Close()
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

// TarGz packs files, readable by everybody, as a layer of an image has them.
func TarGz(files map[string][]byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, content := range files {
		_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
		_, _ = w.Write(content) // Nothing fails in memory.
	}
	_ = w.Close()
	_ = z.Close()
	return out.Bytes()
}

// Push writes an artifact to a registry that refuses nothing, and returns its
// digest.
func Push(t testing.TB, address, repository, tag string, layers ...Layer) (digest string) {
	t.Helper()
	return Artifact{Repository: repository, Tag: tag}.Push(t, address, layers...)
}

// Artifact is what a tag of a repository names.
type Artifact struct {
	Repository, Tag string
	Annotations     map[string]string
	// Image makes an image of it, which container runtimes mount; its layers are packed by
	// gzip.
	Image bool
}

// config is that of an image for this machine's processor.
func config(t testing.TB, layers []Layer) Layer {
	t.Helper()
	var unpacked []string
	for _, l := range layers {
		z, err := gzip.NewReader(bytes.NewReader(l.Content))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		unpacked = append(unpacked, digestOf(content))
	}
	text, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "rootfs": map[string]any{"type": "layers", "diff_ids": unpacked},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Layer{MediaType: "application/vnd.oci.image.config.v1+json", Content: text}
}

// Push writes the artifact, and returns its digest.
func (a Artifact) Push(t testing.TB, address string, layers ...Layer) (digest string) {
	t.Helper()
	base := "http://" + address + "/v2/" + a.Repository
	about := Layer{MediaType: "application/vnd.oci.empty.v1+json", Content: []byte("{}")}
	if a.Image {
		about = config(t, layers)
	}
	for i := range layers {
		layers[i].push(t, base)
	}
	about.push(t, base)
	fields := map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": about, "layers": layers,
	}
	if a.Annotations != nil {
		fields["annotations"] = a.Annotations
	}
	manifest, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	send(t, http.MethodPut, base+"/manifests/"+a.Tag, "application/vnd.oci.image.manifest.v1+json", manifest)
	return digestOf(manifest)
}

func (l *Layer) push(t testing.TB, base string) {
	t.Helper()
	l.Digest, l.Size = digestOf(l.Content), len(l.Content)
	send(t, http.MethodPost, base+"/blobs/uploads/?digest="+l.Digest, "application/octet-stream", l.Content)
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

func send(t testing.TB, method, url, contentType string, body []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		text, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s %s: %s %s", method, url, resp.Status, text)
	}
}
