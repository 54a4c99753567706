package stores

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// TestReadOnlyRoot runs the program as a container does: another user than
// root, a root file system that cannot be written to, no home, a volume.
func TestReadOnlyRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make another root file system")
	}
	bin := t.TempDir()
	if info, err := os.Stat(program(t)); err == nil {
		t.Logf("the program has %.1f MB", float64(info.Size())/1e6)
		if info.Size() > 24_000_000 {
			t.Errorf("the program has %d bytes, more than 24 MB", info.Size())
		}
	}
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", model())
	root := t.TempDir()
	models, claim := filepath.Join(root, "mnt", "models"), filepath.Join(root, "mnt", "pvc", "kept")
	for _, dir := range []string{models, claim} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(claim, "model.bst"), []byte("model"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The volume is a file system of its own, as an emptyDir is.
	script := strings.Join([]string{
		"cp " + program(t) + " " + root + "/",
		"mount --bind " + root + " " + root,
		"mount -t tmpfs -o mode=0777 none " + models,
		"mount -o remount,ro,bind " + root,
		"trap 'umount " + models + " " + root + "' EXIT",
		"chroot --userspec=8888:8888 " + root + " /storage-initializer s3://bucket/models/digits /mnt/models",
		"chroot --userspec=8888:8888 " + root + " /storage-initializer s3://bucket/models/digits /mnt/models",
		"chroot --userspec=8888:8888 " + root + " /storage-initializer pvc://claim/kept /mnt/models",
		"cp -r " + models + "/. " + filepath.Join(bin, "copy"),
	}, "\n")
	cmd := exec.Command("sh", "-ec", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range s.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		if strings.Contains(output.String(), "permission denied") && strings.Contains(output.String(), "mount:") || strings.Contains(err.Error(), "operation not permitted") {
			t.Skipf("no file systems can be mounted here: %v %s", err, output.String())
		}
		t.Fatalf("%v\n%s", err, output.String())
	}
	t.Log(output.String())
	want := wantModel()
	want["model.bst"] = "model"
	wantTree(t, filepath.Join(bin, "copy"), want)
	if sources := manifest(t, filepath.Join(bin, "copy")).Sources; len(sources) != 2 {
		t.Errorf("the manifest has %+v, want both sources", sources)
	}
}

// TestNoSecretIsShown: neither what is printed nor what is written shows the
// signature of a URL or a key.
func TestNoSecretIsShown(t *testing.T) {
	s := stores.StartS3(t, "bucket")
	s.Put(t, "bucket", stores.Files{"models/model.bst": []byte("model")})
	signed := s.Sign(t, "bucket", "models/model.bst")
	dst := filepath.Join(t.TempDir(), "models")
	out, err := initializer(t, nil, signed, dst).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantTree(t, dst, map[string]string{"model.bst": "model"})
	written, err := os.ReadFile(filepath.Join(dst, ".radiant-model.json"))
	if err != nil {
		t.Fatal(err)
	}
	refused, err := initializer(t, nil, strings.Replace(signed, "X-Amz-Signature=", "X-Amz-Signature=0", 1), filepath.Join(t.TempDir(), "m")).CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "storage-initializer: fetching "+s.URL+"/bucket/models/model.bst: the server answers 4") {
		t.Errorf("%v: %s", err, refused)
	}
	for _, text := range []string{string(out), string(written), string(refused)} {
		if strings.Contains(text, "X-Amz-") || strings.Contains(text, s.Secret) {
			t.Errorf("it shows a secret: %s", text)
		}
	}
}
