package stores

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
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
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			handler.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
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
}

// Push writes the artifact, and returns its digest.
func (a Artifact) Push(t testing.TB, address string, layers ...Layer) (digest string) {
	t.Helper()
	base := "http://" + address + "/v2/" + a.Repository
	empty := Layer{MediaType: "application/vnd.oci.empty.v1+json", Content: []byte("{}")}
	for i := range layers {
		layers[i].push(t, base)
	}
	empty.push(t, base)
	fields := map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": empty, "layers": layers,
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
