package apiserver

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// process is a running program.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{}
}

func (s *Server) start(name string, args ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(s.logs, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	p.cmd = exec.Command(s.binaries[name], args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	started := make(chan error)
	go func() {
		// The program is to die with the test, however that ends. The kernel
		// means the thread that started it, so the thread stays until then.
		runtime.LockOSThread()
		dieWithParent(p.cmd)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
		_ = log.Close()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// await returns when ready is true; it fails when the program ends before.
func (p *process) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it answered:\n%s", p.name, p.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", p.name, ctx.Err(), p.lastLines())
		case <-tick.C:
			if ready() {
				return nil
			}
		}
	}
}

func (p *process) lastLines() []byte {
	const most = 4 << 10
	text, _ := os.ReadFile(p.log) // What is not there says nothing.
	return text[max(0, len(text)-most):]
}

// stop ends the program, gently at first. A nil process has ended.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// build returns the paths of programs, which are built unless they are there.
func build(names []string) (map[string]string, error) {
	paths, err := tools.Paths(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	binaries := map[string]string{}
	for i, name := range names {
		binaries[name] = paths[i]
	}
	return binaries, nil
}
