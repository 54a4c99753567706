package train_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prime-radiant/radiant/train"
)

// sshd is the server of ssh on this machine; the test is skipped without one.
func sshd(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("RADIANT_SSHD"), "sshd", "/usr/sbin/sshd"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Skip("there is no sshd on this machine")
	return ""
}

// TestLaunch runs the scripts of an MPIJob: what a launcher sends comes to a worker
// in its container's environment, and its exit code comes back; a server with
// another key is refused.
func TestLaunch(t *testing.T) {
	daemon := sshd(t)
	folder := t.TempDir()
	text := strings.Replace(readFile(t, "mpi.job.yaml"), "slotsPerWorker: 2\n  sshAuthMountPath: /home/mpiuser/.ssh", "slotsPerWorker: 2", 1)
	plan, err := train.NewPlan(jobs(t, text)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, strangers := filepath.Join(folder, "keys"), filepath.Join(folder, "strangers")
	for _, to := range []string{keys, strangers} {
		secret, err := plan.Keys(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, key := range map[string]string{"id_rsa": train.SecretPrivate, "authorized_keys": train.SecretPublic, "known_hosts": train.SecretKnown} {
			if err := os.WriteFile(filepath.Join(to, name), secret.Data[key], 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	port := freePort(t)
	script := func(name, keys string) string {
		text := strings.NewReplacer(
			"/root/.ssh", keys, "/tmp/.mpi", filepath.Join(folder, "mpi"), "-De", fmt.Sprintf("-De -o ListenAddress=127.0.0.1:%d", port),
			"/usr/sbin/sshd", daemon, "ssh$options", fmt.Sprintf("ssh$options -p %d", port), "-ge 300", "-ge 3",
		).Replace(plan.Shared.Data[name])
		file := filepath.Join(folder, filepath.Base(keys)+"-"+name)
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return file
	}
	server := exec.Command(script("sshd.sh", keys))
	server.Env = append(os.Environ(), "SEED=a b", "PATH="+filepath.Dir(daemon)+":"+os.Getenv("PATH"))
	var said strings.Builder
	server.Stdout, server.Stderr = &said, &said
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-server.Process.Pid, syscall.SIGKILL)
		_ = server.Wait()
	}()
	// As Open MPI calls it: a host, and pieces of a line for a shell.
	out, err := exec.Command(script("kubexec.sh", keys), "-x", "127.0.0.1", `A="x`, `y";`, "echo", `"$A:$SEED";`, "exit", "7").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || string(out) != "x y:a b\n" {
		t.Errorf("%v: %q\n%s", err, out, said.String())
	}
	out, err = exec.Command(script("kubexec.sh", strangers), "127.0.0.1", "echo", "reached").CombinedOutput()
	if err == nil || strings.Contains(string(out), "reached") || !strings.Contains(string(out), "Host key verification failed") {
		t.Errorf("a stranger: %v: %q", err, out)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
