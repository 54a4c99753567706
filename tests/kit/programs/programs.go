// Package programs builds Radiant's programs for tests that run them.
package programs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/source"
)

// Build returns the folder with programs, side by side as they are installed: those
// that are named, or else radiant, executor and storage-initializer. executor-race is
// the executor that looks for races.
func Build(t testing.TB, names ...string) string {
	t.Helper()
	dir, err := Folder(names...)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Folder is [Build] for a TestMain.
func Folder(names ...string) (string, error) {
	if len(names) == 0 {
		names = []string{"radiant", "executor", "storage-initializer"}
	}
	for _, name := range names {
		once, _ := made.LoadOrStore(name, sync.OnceValue(func() error { return makeProgram(name) }))
		if err := once.(func() error)(); err != nil {
			return "", err
		}
	}
	return folder(), nil
}

// racing ends the name of a program that looks for races.
const racing = "-race"

// made has a function for each program that makes it at its first call.
var made sync.Map

// folder is one of the checkout, for all tests: Go does not keep what it links, which
// takes longer than most tests, but leaves alone what is up to date.
func folder() string { return source.Path("bin", "tests") }

func makeProgram(name string) error {
	pkg := map[string]string{"radiant": "./operator", "executor": "./executor", "storage-initializer": "./initializer"}[strings.TrimSuffix(name, racing)]
	var flags []string
	if strings.HasSuffix(name, racing) {
		flags = []string{"-race"}
	}
	path := filepath.Join(folder(), name)
	if err := os.MkdirAll(folder(), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("waiting for another test that builds %s: %w", name, err)
	}
	return Compile(path, pkg, flags...)
}

// Compile builds a package of the project, named from its root, as make build
// does: Go compiles what programs are made of once for each set of flags. The
// commit is not written into it, so that another one with the same code is the same
// program.
func Compile(path, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"}, flags...)
	cmd := exec.Command("go", append(args, "-o", path, pkg)...)
	cmd.Dir = source.Path()
	cgo := "0"
	if slices.Contains(flags, "-race") {
		cgo = "1" // The detector is C.
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// given are the ports that were free once.
var given sync.Map

// Ports of tests are below what Linux gives to whoever asks for any port (from 32768 on), so
// that nobody gets one by chance before the program that it is for listens there, and below
// those that radiant local gives by itself (from 20000 on). tests/kit/ports has the same for
// tests in Python.
const firstPort, lastPort = 10240, 19999

// FreePort is a port of localhost that nobody listens on right now. It is given once:
// tests run side by side.
func FreePort(t *testing.T) int {
	t.Helper()
	for {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		l, err := net.Listen("tcp", net.JoinHostPort("localhost", strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		if _, twice := given.LoadOrStore(port, true); !twice {
			return port
		}
	}
}
