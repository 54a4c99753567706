package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// behind is the environment of a client that reaches a store through a proxy.
func behind(s *stores.S3, p *stores.Proxy) map[string]string {
	return with(s.Env(), "AWS_ENDPOINT_URL", p.URL)
}

// large are files whose bytes cannot be guessed, nor packed.
func large(count, size int) stores.Files {
	random := rand.New(rand.NewSource(1))
	files := stores.Files{}
	for i := range count {
		content := make([]byte, size)
		random.Read(content)
		files[fmt.Sprintf("m/%02d.bin", i)] = content
	}
	return files
}

func program(t testing.TB) string {
	t.Helper()
	return filepath.Join(programs.Build(t, "storage-initializer"), "storage-initializer")
}

// initializer runs the program.
func initializer(t testing.TB, env map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// TestKilledAtHalf: what a killed run has brought is not fetched again.
func TestKilledAtHalf(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	const count, size, total = 16, 8 << 20, 16 * 8 << 20
	files := large(count, size)
	s.Put(t, "bucket", files)
	for name, dst := range map[string]string{"new folder": filepath.Join(t.TempDir(), "models"), "mounted folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			p := stores.StartProxy(t, s.URL)
			p.Until = total / 2
			p.Pace.Store(int64(5 * time.Millisecond))
			var output bytes.Buffer
			cmd := initializer(t, behind(s, p), "s3://bucket/m", dst)
			cmd.Stderr = &output
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-p.Reached
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			first := p.Bytes.Load()
			if entries, _ := filepath.Glob(filepath.Join(dst, "*.bin")); len(entries) > 0 {
				t.Errorf("a part of the model is in its folder: %v", entries)
			}
			out, err := initializer(t, behind(s, p), "s3://bucket/m", dst).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			again := p.Bytes.Load() - total
			t.Logf("served %d of %d bytes until the kill, then %d: %d (%.1f %%) twice", first, total, p.Bytes.Load()-first, again, 100*float64(again)/total)
			// Of each of 16 streams: a megabyte that was not noted, and what
			// was in buffers on the way.
			if again > total/4 {
				t.Errorf("%d bytes were fetched twice", again)
			}
			for key, content := range files {
				got, err := os.ReadFile(filepath.Join(dst, strings.TrimPrefix(key, "m/")))
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s is not what was written (%v)", key, err)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dst), ".fetching-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			before := p.Bytes.Load()
			if out, err := initializer(t, behind(s, p), "s3://bucket/m", dst).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if listing := p.Bytes.Load() - before; listing > 100_000 {
				t.Errorf("of a model that is there, %d bytes were fetched", listing)
			}
		})
	}
}

func TestDamaged(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", large(2, 1<<20))
	p := stores.StartProxy(t, s.URL)
	p.Damage.Store(500_000)
	wantRefused(t, "s3://bucket/m", behind(s, p), "fetching s3://bucket/m: ", ".bin: the content is damaged: its crc64nvme is ", ", the store says ")
}

func TestRefused(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", stores.Files{"m/a": []byte("a")})
	p := stores.StartProxy(t, s.URL)
	for status, want := range map[int]string{
		http.StatusForbidden: "a: the server answers 403 Forbidden: these credentials may not read it, or it does not exist",
		http.StatusNotFound:  "a: the server answers 404 Not Found, NotFound: it does not exist",
	} {
		p.Refuse.Store(int64(status))
		p.Requests.Store(0)
		wantRefused(t, "s3://bucket/m", behind(s, p), "fetching s3://bucket/m: "+want)
		if n := p.Requests.Load(); n != 2 {
			t.Errorf("status %d: %d requests, want a listing and one for the object", status, n)
		}
	}
	p.Refuse.Store(http.StatusServiceUnavailable)
	p.Requests.Store(0)
	dst := filepath.Join(t.TempDir(), "models")
	err := storage.Fetch(t.Context(), "s3://bucket/m", dst, options(behind(s, p)))
	if want := "gave up after 3 attempts: the server answers 503"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
	if n := p.Requests.Load(); n != 4 {
		t.Errorf("%d requests, want a listing and three for the object", n)
	}
}

func TestDeadHost(t *testing.T) {
	address := stores.FreeAddress(t, stores.Loopback)
	env := map[string]string{
		"AWS_ENDPOINT_URL": "http://" + address, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "very-secret",
		"STORAGE_EMULATOR_HOST": address, "HF_ENDPOINT": "http://" + address,
		"AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://" + address,
	}
	for _, uri := range []string{"s3://bucket/m", "gs://bucket/m", "azblob://bucket/m", "hf://org/m", "oci://" + address + "/m:v1", "http://" + address + "/m.bst"} {
		wantRefused(t, uri, env, "fetching "+uri+": gave up after 3 attempts: dial tcp "+address+": connect: connection refused")
	}
}

// TestHugeTree: thousands of small files, of which the store lists a thousand
// at once. They are 10,000 where long tests are asked for.
func TestHugeTree(t *testing.T) {
	count := 2_500
	if long.Asked() {
		count = 10_000
	}
	s := stores.StartS3(t, "bucket")
	for i := range count {
		dir := filepath.Join(s.Dir, "bucket", "tree", fmt.Sprint(i%100))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), fmt.Appendf(nil, "file %d", i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	dir := filepath.Join(t.TempDir(), "models")
	if out, err := initializer(t, s.Env(), "s3://bucket/tree", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%d files in %v", count, time.Since(began).Round(time.Millisecond))
	got := tree(t, dir)
	if len(got) != count {
		t.Errorf("%d files, want %d", len(got), count)
	}
	for i := range count {
		if name := fmt.Sprintf("%d/%d", i%100, i); got[name] != fmt.Sprintf("file %d", i) {
			t.Fatalf("%s is %q", name, got[name])
		}
	}
}

// TestFullDisk: too little room is noticed before anything is fetched, and
// what fills up on the way leaves nothing behind.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here, it needs root: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir).Run() })
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", large(3, 4<<20))
	dst := filepath.Join(dir, "models")
	p := stores.StartProxy(t, s.URL)
	err := storage.Fetch(t.Context(), "s3://bucket/m", dst, options(behind(s, p)))
	if want := "fetching s3://bucket/m: no room: 12.6 MB are still to come, and 8.4 MB are free"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	t.Log(err)
	if n := p.Requests.Load(); n != 1 {
		t.Errorf("%d requests, want that for the listing", n)
	}
	// Somebody else fills the disk meanwhile.
	half := filepath.Join(dir, "other")
	o := options(behind(s, p))
	o.Progress = func(storage.Progress) {
		if _, err := os.Stat(half); err != nil {
			_ = os.WriteFile(half, make([]byte, 8<<20), 0o600)
		}
	}
	err = storage.Fetch(t.Context(), "s3://bucket/m/00.bin", dst, o)
	if err == nil || !strings.Contains(err.Error(), "no space left on device") || strings.Contains(err.Error(), "gave up") {
		t.Errorf("error %v, want one about the device, at once", err)
	}
	t.Log(err)
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 || entries[0].Name() != "other" {
		t.Errorf("left behind: %v", entries)
	}
}

// TestInterrupted: an interrupt keeps what has arrived.
func TestInterrupted(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", large(8, 4<<20))
	p := stores.StartProxy(t, s.URL)
	p.Until = 8 << 20
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-p.Reached; cancel() }()
	dst := filepath.Join(t.TempDir(), "models")
	if err := storage.Fetch(ctx, "s3://bucket/m", dst, options(behind(s, p))); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dst), ".fetching-*")); len(left) != 1 {
		t.Fatalf("kept: %v", left)
	}
	if err := storage.Fetch(t.Context(), "s3://bucket/m", dst, options(behind(s, p))); err != nil {
		t.Fatal(err)
	}
	if total := p.Bytes.Load(); total > 48<<20 {
		t.Errorf("%d bytes were served for 32 MiB", total)
	}
}
