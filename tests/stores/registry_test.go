package stores

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/stores"
)

const (
	tarGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
	title   = "org.opencontainers.image.title"
)

func TestRegistry(t *testing.T) {
	address := stores.StartRegistry(t, nil)
	digest := stores.Push(t, address, "team/mnist", "v1",
		stores.Layer{MediaType: tarGzip, Content: packed(map[string]string{"1/saved_model.pb": "graph", "1/variables/data": "weights"})},
		stores.Layer{MediaType: "application/octet-stream", Annotations: map[string]string{title: "config/labels.txt"}, Content: []byte("0 1 2")},
		stores.Layer{MediaType: tarGzip, Annotations: map[string]string{title: "kept-packed.tar.gz"}, Content: packed(map[string]string{"a": "b"})},
	)
	want := map[string]string{
		"1/saved_model.pb": "graph", "1/variables/data": "weights", "config/labels.txt": "0 1 2",
		"kept-packed.tar.gz": string(packed(map[string]string{"a": "b"})),
	}
	for _, uri := range []string{"oci://" + address + "/team/mnist:v1", "oci://" + address + "/team/mnist@" + digest} {
		dir := fetched(t, uri, nil)
		wantTree(t, dir, want)
		for _, f := range manifest(t, dir).Sources[0].Files {
			if !strings.HasPrefix(f.Digest, "sha256:") {
				t.Errorf("the manifest says %+v", f)
			}
		}
	}
	wantRefused(t, "oci://"+address+"/team/mnist:v2", nil, "404 Not Found", "MANIFEST_UNKNOWN")
	wantRefused(t, "oci://"+address+"/team/mnist@sha256:12", nil, "write oci://REGISTRY/REPOSITORY:TAG")
}

func TestRegistryLayersThatAreRefused(t *testing.T) {
	address := stores.StartRegistry(t, nil)
	for name, c := range map[string]struct {
		layer stores.Layer
		want  string
	}{
		"title outside": {stores.Layer{MediaType: "text/plain", Annotations: map[string]string{title: "../../etc/passwd"}, Content: []byte("x")}, "is no name for a file in a folder"},
		"entry outside": {stores.Layer{MediaType: tarGzip, Content: packed(map[string]string{"../outside": "x"})}, `entry "../outside" leads out of the archive`},
		"zstd":          {stores.Layer{MediaType: "application/vnd.oci.image.layer.v1.tar+zstd", Content: []byte("x")}, "compressed with zstd, which is not read here"},
	} {
		t.Run(name, func(t *testing.T) {
			tag := strings.ReplaceAll(name, " ", "-")
			stores.Push(t, address, "refused", tag, c.layer)
			wantRefused(t, "oci://"+address+"/refused:"+tag, nil, c.want)
		})
	}
}

// TestRegistryCredentials are those that docker login keeps.
func TestRegistryCredentials(t *testing.T) {
	const user, password = "robot", "very-secret"
	open := true
	address := stores.StartRegistry(t, func(w http.ResponseWriter, r *http.Request) bool {
		if u, p, _ := r.BasicAuth(); open || u == user && p == password {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="models"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	stores.Push(t, address, "m", "v1", stores.Layer{MediaType: "text/plain", Annotations: map[string]string{title: "model.bst"}, Content: []byte("model")})
	open = false
	login := func(password string) map[string]string {
		dir := t.TempDir()
		text, err := json.Marshal(map[string]any{"auths": map[string]any{
			address: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))},
		}})
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"DOCKER_CONFIG": dir}
	}
	wantTree(t, fetched(t, "oci://"+address+"/m:v1", login(password)), map[string]string{"model.bst": "model"})
	wantRefused(t, "oci://"+address+"/m:v1", login("wrong"), "401 Unauthorized")
	wantRefused(t, "oci://"+address+"/m:v1", nil, "the registry wants credentials, and there are none for "+address)
}
