package stores

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// options are those of a client with an environment, and nothing else.
func options(env map[string]string) storage.Options {
	return storage.Options{
		Attempts: 3, Backoff: func(int) time.Duration { return 0 },
		Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
}

// with returns env with one more variable.
func with(env map[string]string, pairs ...string) map[string]string {
	env = maps.Clone(env)
	for i := 0; i < len(pairs); i += 2 {
		env[pairs[i]] = pairs[i+1]
	}
	return env
}

func without(env map[string]string, names ...string) map[string]string {
	env = maps.Clone(env)
	for _, name := range names {
		delete(env, name)
	}
	return env
}

// tree is the content of a folder, without the manifest.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == storage.ManifestName {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func manifest(t *testing.T, dir string) storage.Manifest {
	t.Helper()
	var m storage.Manifest
	text, err := os.ReadFile(filepath.Join(dir, storage.ManifestName))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fetched is what a URI brings.
func fetched(t *testing.T, uri string, env map[string]string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "models")
	if err := storage.Fetch(t.Context(), uri, dir, options(env)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func wantTree(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files differ, -want +got:\n%s", diff)
	}
}

// wantRefused: the fetch fails with a message, shows no secret, and leaves
// nothing.
func wantRefused(t *testing.T, uri string, env map[string]string, parts ...string) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "models")
	err := storage.Fetch(t.Context(), uri, dst, options(env))
	if err == nil {
		t.Fatalf("%s was fetched", uri)
	}
	t.Log(err)
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
	for name, value := range env {
		if secret := strings.Contains(name, "SECRET") || strings.Contains(name, "TOKEN"); secret && strings.Contains(err.Error(), value) {
			t.Errorf("error shows %s: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "sig=") || strings.Contains(err.Error(), "X-Amz-") {
		t.Errorf("error shows a signature: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(dst), "*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// model is what each store is filled with: below models/digits a folder, and
// around it what must not come along.
func model() stores.Files {
	return stores.Files{
		"models/digits/1/saved_model.pb":      []byte("graph"),
		"models/digits/1/variables/data":      bytes.Repeat([]byte("weights"), 100_000),
		"models/digits/1/assets/a b+c%20#é.t": []byte("a name to be escaped"),
		"models/digits/1/empty":               {},
		"models/digits2/saved_model.pb":       []byte("another"),
		"models/digits.txt":                   []byte("one file"),
		"models/packed.tar.gz":                packed(map[string]string{"1/saved_model.pb": "graph"}),
	}
}

func wantModel() map[string]string {
	want := map[string]string{}
	for key, content := range model() {
		if name, ok := strings.CutPrefix(key, "models/digits/"); ok {
			want[name] = string(content)
		}
	}
	return want
}

func packed(files map[string]string) []byte {
	all := map[string][]byte{}
	for name, content := range files {
		all[name] = []byte(content)
	}
	return stores.TarGz(all)
}

// wantBucket is what holds of every object store; base is the URI of the
// bucket.
func wantBucket(t *testing.T, base string, env map[string]string, algorithm string) {
	t.Run("folder", func(t *testing.T) {
		for _, uri := range []string{base + "/models/digits", base + "/models/digits/"} {
			dir := fetched(t, uri, env)
			wantTree(t, dir, wantModel())
			m := manifest(t, dir)
			if len(m.Sources) != 1 || m.Sources[0].URI != uri || len(m.Sources[0].Files) != len(wantModel()) {
				t.Fatalf("the manifest is %+v", m)
			}
			for _, f := range m.Sources[0].Files {
				if !strings.HasPrefix(f.Digest, algorithm+":") || f.Size != int64(len(wantModel()[f.Name])) {
					t.Errorf("the manifest says %+v, want a digest by %s", f, algorithm)
				}
			}
		}
	})
	t.Run("one object", func(t *testing.T) {
		wantTree(t, fetched(t, base+"/models/digits.txt", env), map[string]string{"digits.txt": "one file"})
	})
	t.Run("archive", func(t *testing.T) {
		wantTree(t, fetched(t, base+"/models/packed.tar.gz", env), map[string]string{"1/saved_model.pb": "graph"})
	})
	t.Run("nothing there", func(t *testing.T) {
		wantRefused(t, base+"/models/digit", env, "fetching "+base+"/models/digit: ", "there is nothing at this path")
	})
}

func TestS3(t *testing.T) {
	t.Parallel()
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", model())
	wantBucket(t, "s3://bucket", s.Env(), "crc64nvme")
	t.Run("in parts", func(t *testing.T) {
		// Large enough to come in ranges, for which the checksum is asked for.
		content := large(1, 70<<20)["m/00.bin"]
		s.Put(t, "bucket", stores.Files{"large/weights.bin": content})
		p := stores.StartProxy(t, s.URL)
		dir := fetched(t, "s3://bucket/large", behind(s, p))
		if got, err := os.ReadFile(filepath.Join(dir, "weights.bin")); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes came (%v), want %d and the same ones", len(got), err, len(content))
		}
		if f := manifest(t, dir).Sources[0].Files[0]; !strings.HasPrefix(f.Digest, "crc64nvme:") {
			t.Errorf("the manifest says %+v", f)
		}
		if n := p.Requests.Load(); n != 5 {
			t.Errorf("%d requests, want a listing, one for the checksum, and three for ranges", n)
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		wantRefused(t, "s3://bucket/models/digits", with(s.Env(), "AWS_SECRET_ACCESS_KEY", "wrong-secret"),
			"fetching s3://bucket/models/digits: the server answers 403 Forbidden, SignatureDoesNotMatch: the secret key is wrong")
	})
	t.Run("unknown key", func(t *testing.T) {
		wantRefused(t, "s3://bucket/models/digits", with(s.Env(), "AWS_ACCESS_KEY_ID", "nobody"), "No user exists with the provided access key ID")
	})
	t.Run("half a key", func(t *testing.T) {
		wantRefused(t, "s3://bucket/models/digits", without(s.Env(), "AWS_SECRET_ACCESS_KEY"), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together")
	})
	t.Run("no bucket", func(t *testing.T) {
		wantRefused(t, "s3://no-bucket/models", s.Env(), "404 Not Found, NoSuchBucket: the bucket does not exist")
	})
	t.Run("not public", func(t *testing.T) {
		wantRefused(t, "s3://bucket/models/digits", without(s.Env(), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "403 Forbidden, AccessDenied: no credentials were found, and it is not public")
	})
	t.Run("settings of KServe", func(t *testing.T) {
		env := with(without(s.Env(), "AWS_ENDPOINT_URL"), "S3_ENDPOINT", strings.TrimPrefix(s.URL, "http://"), "S3_USE_HTTPS", "0", "S3_VERIFY_SSL", "0")
		wantTree(t, fetched(t, "s3://bucket/models/digits", env), wantModel())
	})
	t.Run("remote of rclone", func(t *testing.T) {
		env := map[string]string{
			"RCLONE_CONFIG_MINIO_TYPE": "s3", "RCLONE_CONFIG_MINIO_PROVIDER": "minio", "RCLONE_CONFIG_MINIO_ENV_AUTH": "false",
			"RCLONE_CONFIG_MINIO_ENDPOINT": s.URL, "RCLONE_CONFIG_MINIO_ACCESS_KEY_ID": s.Key, "RCLONE_CONFIG_MINIO_SECRET_ACCESS_KEY": s.Secret,
		}
		for _, uri := range []string{"minio:bucket/models/digits", "minio://bucket/models/digits"} {
			wantTree(t, fetched(t, uri, env), wantModel())
		}
		wantRefused(t, "minio:bucket/models/digits", with(env, "RCLONE_CONFIG_MINIO_SECRET_ACCESS_KEY", "wrong-secret"), "the secret key is wrong")
		own := map[string]string{}
		for name, value := range env {
			own[strings.Replace(name, "_MINIO_", "_S3_", 1)] = value
		}
		wantTree(t, fetched(t, "s3://bucket/models/digits", without(own, "RCLONE_CONFIG_S3_TYPE")), wantModel())
	})
}

func TestGCS(t *testing.T) {
	t.Parallel()
	env := stores.StartGCS(t, map[string]stores.Files{"bucket": model()})
	wantBucket(t, "gs://bucket", env, "crc32c")
	t.Run("no bucket", func(t *testing.T) { wantRefused(t, "gs://no-bucket/models", env, "404 Not Found") })
	t.Run("remote of rclone", func(t *testing.T) {
		remote := map[string]string{"RCLONE_CONFIG_GS_TYPE": "google cloud storage", "RCLONE_CONFIG_GS_ANONYMOUS": "true", "RCLONE_CONFIG_GS_ENDPOINT": "http://" + env["STORAGE_EMULATOR_HOST"]}
		wantTree(t, fetched(t, "gs://bucket/models/digits", remote), wantModel())
		wantTree(t, fetched(t, "gs:bucket/models/digits", remote), wantModel())
	})
	t.Run("credentials that are none", func(t *testing.T) {
		wantRefused(t, "gs://bucket/models/digits", map[string]string{
			"RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS": `{"type": "service_account", "private_key": "very-secret"}`,
		}, "the Google credentials cannot be used: their key or their form is not what Google writes")
		wantRefused(t, "gs://bucket/models/digits", map[string]string{"RCLONE_CONFIG_GS_SERVICE_ACCOUNT_CREDENTIALS": "very-secret"},
			"the Google credentials are not the JSON of a service account")
	})
}

func TestAzure(t *testing.T) {
	t.Parallel()
	a := stores.StartAzure(t, map[string]stores.Files{"bucket": model()})
	wantBucket(t, "azblob://bucket", a.Env(), "md5")
	t.Run("wrong key", func(t *testing.T) {
		env := with(map[string]string{}, "AZURE_STORAGE_ACCOUNT", stores.AzureAccount, "AZURE_STORAGE_KEY", "d3Jvbmc=", "AZURE_STORAGE_BLOB_ENDPOINT", a.URL)
		wantRefused(t, "azblob://bucket/models/digits", env, "403", "AuthorizationFailure: ")
	})
	t.Run("signature", func(t *testing.T) {
		env := map[string]string{"AZURE_STORAGE_ACCOUNT": stores.AzureAccount, "AZURE_STORAGE_BLOB_ENDPOINT": a.URL, "AZURE_STORAGE_SAS_TOKEN": a.SAS("bucket")}
		wantTree(t, fetched(t, "azblob://bucket/models/digits", env), wantModel())
		wantRefused(t, "azblob://bucket/models/digits", with(env, "AZURE_STORAGE_SAS_TOKEN", strings.Replace(a.SAS("bucket"), "sig=", "sig=x", 1)), "403")
	})
	t.Run("no container", func(t *testing.T) {
		wantRefused(t, "azblob://no-bucket/models", a.Env(), "404", "ContainerNotFound: the container does not exist")
	})
	t.Run("remote of rclone", func(t *testing.T) {
		env := map[string]string{"RCLONE_CONFIG_AZ_TYPE": "azureblob", "RCLONE_CONFIG_AZ_ACCOUNT": stores.AzureAccount, "RCLONE_CONFIG_AZ_KEY": stores.AzureKey, "RCLONE_CONFIG_AZ_ENDPOINT": a.URL}
		wantTree(t, fetched(t, "az:bucket/models/digits", env), wantModel())
	})
}
