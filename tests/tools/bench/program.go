package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is one that is measured.
type program struct {
	name  string
	start func(dir string, port int) *exec.Cmd
	load  func(ctx context.Context, requests int) error
	costs []time.Duration

	// dial opens the load's connections once the program listens.
	dial func(address string) error

	cmd *exec.Cmd
	dir string
}

// launch starts the program and waits until it listens.
func (p *program) launch(ctx context.Context) error {
	var err error
	if p.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	p.cmd = p.start(p.dir, port)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		return err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return p.dial(address)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("it does not listen")
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}

// cpu is the time that all threads of the program and of its children were on
// a processor: the first number of /proc/PID/task/TID/schedstat, in ns.
func (p *program) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range append(children(p.cmd.Process.Pid), p.cmd.Process.Pid) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(threads) == 0 {
			return 0, fmt.Errorf("no threads of process %d: is this Linux?", pid)
		}
		for _, t := range threads {
			text, err := os.ReadFile(t)
			if err != nil {
				continue // It has ended.
			}
			ns, _, _ := strings.Cut(string(text), " ")
			n, err := strconv.ParseInt(ns, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n)
		}
	}
	return sum, nil
}

// children are the processes that a process has started.
func children(pid int) []int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var all []int
	for f := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// connections is how many clients send at once.
const connections = 16

func nginx(c *component) *program {
	p := overREST("nginx", c)
	p.start = func(dir string, port int) *exec.Cmd {
		conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr crit; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 1000000000;
  upstream node { server 127.0.0.1:%[3]d; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:%[2]d;
    location = /api/v1.0/predictions { proxy_pass http://node/predict; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`, dir, port, c.httpPort)
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return exec.Command("nginx", "-p", dir, "-c", path)
	}
	return p
}

// executor starts the executor with one node of the protocol seldon, on one
// processor.
func executor(path string, c *component, args ...string) func(dir string, rest, grpc int) *exec.Cmd {
	return func(dir string, rest, grpc int) *exec.Cmd {
		predictor := fmt.Sprintf(`{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":%d,"grpcPort":%d}}}`, c.httpPort, c.grpcPort)
		cmd := exec.Command(path, append([]string{"--sdep", "d", "--namespace", "n", "--predictor", "p", "--log_level", "ERROR",
			"--http_port", strconv.Itoa(rest), "--grpc_port", strconv.Itoa(grpc)}, args...)...)
		cmd.Env = []string{"ENGINE_PREDICTOR=" + base64.StdEncoding.EncodeToString([]byte(predictor)), "GOMAXPROCS=1", "RADIANT_PODINFO=" + dir}
		return cmd
	}
}

func executorREST(path string, c *component) *program {
	p := overREST("executor", c)
	p.start = func(dir string, port int) *exec.Cmd { return executor(path, c)(dir, port, 0) }
	return p
}

func executorRESTQuiet(path string, c *component) *program {
	p := overREST("executor without metrics", c)
	p.start = func(dir string, port int) *exec.Cmd { return executor(path, c, "--prometheus_path", "")(dir, port, 0) }
	return p
}

func bareGRPC(c *component) *program {
	p := overGRPC("bare grpc-go proxy")
	p.start = func(_ string, port int) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			self = os.Args[0]
		}
		cmd := exec.Command(self, "proxy", fmt.Sprintf("127.0.0.1:%d=127.0.0.1:%d", port, c.grpcPort))
		cmd.Env = []string{"GOMAXPROCS=1"}
		return cmd
	}
	return p
}

func executorGRPC(path string, c *component) *program {
	p := overGRPC("executor")
	p.start = func(dir string, port int) *exec.Cmd { return executor(path, c)(dir, 0, port) }
	return p
}
