package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// state is the folder of one run.
type state struct {
	dir  string
	lock *os.File
}

// errLocked says that another run uses the folder.
var errLocked = errors.New("another radiant uses it")

// mostRuns bounds the number of runs side by side that have no folder given.
const mostRuns = 100

// openState takes the given folder, or the first one below cache that no
// other run uses. What an earlier run left is removed.
func openState(dir, cache string) (*state, error) {
	if dir != "" {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return nil, fmt.Errorf("opening the state folder: %w", err)
		}
		return lockState(absolute)
	}
	for i := 1; i <= mostRuns; i++ {
		s, err := lockState(filepath.Join(cache, "local", strconv.Itoa(i)))
		if err == nil || !errors.Is(err, errLocked) {
			return s, err
		}
	}
	return nil, fmt.Errorf("opening a state folder in %s: %w", cache, errLocked)
}

func lockState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("opening the state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the state folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("opening the state folder %s: %w", dir, errLocked)
	}
	s := &state{dir: dir, lock: lock}
	for _, old := range []string{s.logs(), s.python(), s.pods(), s.requests()} {
		if err := os.RemoveAll(old); err != nil {
			s.close()
			return nil, fmt.Errorf("clearing the state folder: %w", err)
		}
	}
	return s, nil
}

func (s *state) logs() string   { return filepath.Join(s.dir, "logs") }
func (s *state) python() string { return filepath.Join(s.dir, "python") }
func (s *state) pods() string   { return filepath.Join(s.dir, "pods") }

// job is the folder of a pod of a job.
func (s *state) job(namespace, pod string) string {
	return filepath.Join(s.pods(), "jobs", namespace, pod)
}

// requests has the example requests that are too long to be printed.
func (s *state) requests() string { return filepath.Join(s.dir, "requests") }

// keepRequest writes a request to a file and returns its name.
func (s *state) keepRequest(name string, body []byte) string {
	file := filepath.Join(s.requests(), name)
	if os.MkdirAll(s.requests(), 0o755) == nil {
		_ = os.WriteFile(file, body, 0o644) // The program that is to read it says what is wrong.
	}
	return file
}

// log is the file that keeps the output of a container.
func (s *state) log(namespace, deployment, container string) string {
	return filepath.Join(s.logs(), namespace+"."+deployment+"."+strings.ReplaceAll(container, "/", ".")+".log")
}

// writePython puts the files of manifests/python where they can be run.
func (s *state) writePython(files fs.FS) error {
	if _, err := os.Stat(s.python()); err == nil {
		return nil
	}
	sub, err := fs.Sub(files, "python")
	if err == nil {
		err = os.CopyFS(s.python(), sub)
	}
	if err != nil {
		return fmt.Errorf("writing the Python servers: %w", err)
	}
	return nil
}

// close removes everything but the logs, which may be looked at afterwards.
func (s *state) close() {
	_ = os.RemoveAll(s.pods())
	_ = os.RemoveAll(s.python())
	_ = os.RemoveAll(s.requests())
	s.lock.Close()
}
