// Package stores runs real object stores on this machine for tests.
package stores

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// startTimeout bounds the start of a server on a busy machine.
const startTimeout = 2 * time.Minute

// serve runs a server until the test ends, and returns when something listens
// at its address. program is made the program for an address; it is asked again if
// somebody was faster to take the port.
func serve(t testing.TB, program func(host, port string) *exec.Cmd) (address string) {
	t.Helper()
	return serveAt(t, Loopback, program)
}

// Loopback is where servers listen unless somebody beyond this machine asks.
const Loopback = "127.0.0.1"

func serveAt(t testing.TB, host string, program func(host, port string) *exec.Cmd) (address string) {
	t.Helper()
	var output programs.Output
	for range 5 {
		address = FreeAddress(t, host)
		_, port, _ := net.SplitHostPort(address)
		if _, err := begin(t, program(host, port), address, &output); err == nil {
			return address
		}
	}
	t.Fatalf("the server does not start:\n%s", output.String())
	return ""
}

// begin starts a server that is to listen at an address. It runs until it is stopped, or
// the test ends.
func begin(t testing.TB, cmd *exec.Cmd, address string, output *programs.Output) (stop func(), err error) {
	t.Helper()
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := Await(cmd)
	stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(stop)
	return stop, listening(address, ended)
}

// Await waits for a program.
func Await(cmd *exec.Cmd) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return ended
}

func listening(address string, ended <-chan struct{}) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		client := http.Client{Timeout: 10 * time.Second}
		if resp, err := client.Get("http://" + address + "/"); err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("nothing listens at %s after %s", address, startTimeout)
}

// FreeAddress is an address of a host, with a port that nobody listens on right now.
func FreeAddress(t testing.TB, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Files is what a store is filled with, by key.
type Files map[string][]byte

// Folder reads the files below a folder, as keys with a prefix.
func Folder(t testing.TB, dir, prefix string) Files {
	t.Helper()
	files := Files{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[prefix+filepath.ToSlash(name)] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
