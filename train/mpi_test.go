package train_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
// another key is refused. The keys are as a kubelet mounts them: root's where the test
// is root, and readable for all. Ssh takes no such key from its owner.
func TestLaunch(t *testing.T) {
	daemon := sshd(t)
	users := []int{os.Getuid()}
	if os.Getuid() == 0 {
		users = append(users, 4711)
	}
	for _, user := range users {
		t.Run(fmt.Sprintf("user %d", user), func(t *testing.T) { launch(t, daemon, user) })
	}
}

func launch(t *testing.T, daemon string, user int) {
	folder := openFolder(t)
	text := strings.Replace(readFile(t, "mpi.job.yaml"), "slotsPerWorker: 2\n  sshAuthMountPath: /home/mpiuser/.ssh", "slotsPerWorker: 2", 1)
	plan, err := train.NewPlan(jobs(t, text)[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	keys, strangers, own := filepath.Join(folder, "keys"), filepath.Join(folder, "strangers"), filepath.Join(folder, "tmp")
	for _, to := range []string{keys, strangers, own} {
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(own, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{keys, strangers} {
		secret, err := plan.Keys(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for name, key := range map[string]string{"id_rsa": train.SecretPrivate, "authorized_keys": train.SecretPublic, "known_hosts": train.SecretKnown} {
			if err := os.WriteFile(filepath.Join(to, name), secret.Data[key], 0o444); err != nil {
				t.Fatal(err)
			}
		}
	}
	port := freePort(t)
	script := func(name, keys string) string {
		text := strings.NewReplacer(
			"/etc/mpi", keys, "/tmp/.mpi", filepath.Join(own, filepath.Base(keys)), "-De", "-De -o ListenAddress=127.0.0.1",
			"/usr/sbin/sshd", daemon, "2222", strconv.Itoa(port), "-ge 300", "-ge 3",
		).Replace(plan.Shared.Data[name])
		file := filepath.Join(folder, filepath.Base(keys)+"-"+name)
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	server := as(t, user, script("sshd.sh", keys))
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
	out, err := as(t, user, script("kubexec.sh", keys), "-x", "127.0.0.1", `A="x`, `y";`, "echo", `"$A:$SEED:$(id -u)";`, "exit", "7").CombinedOutput()
	var exit *exec.ExitError
	if want := fmt.Sprintf("x y:a b:%d\n", user); !errors.As(err, &exit) || exit.ExitCode() != 7 || string(out) != want {
		t.Errorf("%v: %q, want %q\n%s", err, out, want, said.String())
	}
	out, err = as(t, user, script("kubexec.sh", strangers), "127.0.0.1", "echo", "reached").CombinedOutput()
	if err == nil || strings.Contains(string(out), "reached") || !strings.Contains(string(out), "Host key verification failed") {
		t.Errorf("a stranger: %v: %q", err, out)
	}
}

// openFolder is a folder that any user may look into.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "launch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// as is a program that runs as a user. Where the test is root, name and shell of the
// user, and who sshd wants to be there, are in a list of users that it alone sees.
func as(t *testing.T, user int, words ...string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		return exec.Command(words[0], words[1:]...)
	}
	users := filepath.Join(openFolder(t), "passwd")
	if err := os.WriteFile(users, fmt.Appendf(nil, "root:x:0:0::/root:/bin/sh\nsshd:x:4710:4710::/run/sshd:/bin/false\nmpiuser:x:%d:%d::/tmp:/bin/sh\n", user, user), 0o644); err != nil {
		t.Fatal(err)
	}
	line := `mount --bind "$0" /etc/passwd && exec setpriv --reuid=$1 --regid=$1 --clear-groups -- "${@:2}"`
	return exec.Command("unshare", append([]string{"--mount", "bash", "-c", line, users, strconv.Itoa(user)}, words...)...)
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
