// Package apiserver runs a real kube-apiserver on a real etcd for tests, on
// localhost, with nothing of it left afterwards. There is no node: Deployments
// get no pods unless a test makes them.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// patience bounds each wait: the machine may be busy with other tests.
const patience = 3 * time.Minute

// Options say what runs beside the API server.
type Options struct {
	// Controllers are those that kube-controller-manager runs, by the names of
	// its flag --controllers. Without any it does not run.
	Controllers []string
	// Audit is a file that the API server notes each request in, as one line of
	// JSON; empty: nowhere.
	Audit string
	// Log is a folder for the programs' logs, kept; empty: they are thrown away
	// with the rest, and shown where a program does not start.
	Log string
}

// CollectGarbage are the controllers that delete what a deleted object owns.
func CollectGarbage() []string {
	return []string{"garbage-collector-controller", "namespace-controller"}
}

// Server is a running API server.
type Server struct {
	dir, logs   string
	binaries    map[string]string
	port        int
	etcd, api   *process
	controllers *process
	options     Options
}

// Start runs etcd, kube-apiserver and what o asks for, and returns when they
// answer. Programs that are not built yet are built first, which takes minutes.
func Start(o Options) (_ *Server, err error) {
	names := []string{"etcd", "kube-apiserver"}
	if len(o.Controllers) > 0 {
		names = append(names, "kube-controller-manager")
	}
	binaries, err := build(names)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "apiserver")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, logs: o.Log, binaries: binaries, options: o}
	if s.logs == "" {
		s.logs = dir
	}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if err := writeKeys(dir); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path("audit.yaml"), []byte(auditPolicy), 0o600); err != nil {
		return nil, err
	}
	if err := s.startEtcd(); err != nil {
		return nil, err
	}
	if err := s.StartAPI(); err != nil {
		return nil, err
	}
	if err := s.writeKubeconfig(); err != nil {
		return nil, err
	}
	if len(o.Controllers) > 0 {
		if err := s.startControllers(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Config is how an administrator reaches the server. Each call returns a copy.
// It has no limit on the client's side.
func (s *Server) Config() *rest.Config {
	return &rest.Config{
		Host:        fmt.Sprintf("https://127.0.0.1:%d", s.port),
		BearerToken: token,
		QPS:         -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile: s.path("apiserver.crt"),
		},
	}
}

// Kubeconfig is the path of a file that kubectl reaches the server by.
func (s *Server) Kubeconfig() string { return s.path("kubeconfig") }

// Stop ends all programs and removes their files.
func (s *Server) Stop() {
	for _, p := range []*process{s.controllers, s.api, s.etcd} {
		p.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// StopAPI ends the API server, as a crash does; what it stored stays.
func (s *Server) StopAPI() { s.api.stop() }

// StartAPI runs the API server, on the port that it had before.
func (s *Server) StartAPI() error {
	return attempts(func() error {
		port := s.port
		if port == 0 {
			var err error
			if port, err = freePort(); err != nil {
				return err
			}
		}
		api, err := s.start("kube-apiserver", append(s.auditing(),
			"--etcd-servers="+s.etcdURL(),
			fmt.Sprintf("--secure-port=%d", port),
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
			"--endpoint-reconciler-type=none",
			"--cert-dir="+s.dir,
			"--token-auth-file="+s.path("tokens.csv"),
			"--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file="+s.path("sa.key"),
			"--service-account-signing-key-file="+s.path("sa.key"),
			"--service-cluster-ip-range=10.96.0.0/12",
			"--allow-privileged=true",
			// Pods are not to wait for a service account that no controller makes.
			"--disable-admission-plugins=ServiceAccount",
		)...)
		if err != nil {
			return err
		}
		if err := s.await(api, port); err != nil {
			api.stop()
			return err
		}
		s.api, s.port = api, port
		return nil
	})
}

// auditPolicy notes who asked for what, without content: when it is answered,
// and, of watches, when the answer begins.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
`

func (s *Server) auditing() []string {
	if s.options.Audit == "" {
		return nil
	}
	return []string{"--audit-log-path=" + s.options.Audit, "--audit-policy-file=" + s.path("audit.yaml")}
}

// await returns when the API server says that it is ready.
func (s *Server) await(api *process, port int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	config := rest.Config{BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	client, err := rest.HTTPClientFor(&config)
	if err != nil {
		return err
	}
	url := fmt.Sprintf("https://127.0.0.1:%d/readyz", port)
	return api.await(ctx, func() bool {
		r, err := client.Get(url)
		if err != nil {
			return false
		}
		defer func() { _ = r.Body.Close() }()
		return r.StatusCode == http.StatusOK
	})
}

func (s *Server) startEtcd() error {
	return attempts(func() error {
		client, err := freePort()
		if err != nil {
			return err
		}
		peer, err := freePort()
		if err != nil {
			return err
		}
		at := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
		etcd, err := s.start("etcd", "--data-dir="+s.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls="+at(client), "--advertise-client-urls="+at(client),
			"--listen-peer-urls="+at(peer), "--initial-advertise-peer-urls="+at(peer), "--initial-cluster=default="+at(peer))
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err = etcd.await(ctx, func() bool {
			r, err := http.Get(at(client) + "/readyz")
			if err != nil {
				return false
			}
			defer func() { _ = r.Body.Close() }()
			return r.StatusCode == http.StatusOK
		})
		if err != nil {
			etcd.stop()
			return err
		}
		s.etcd = etcd
		return os.WriteFile(s.path("etcd.url"), []byte(at(client)), 0o600)
	})
}

func (s *Server) etcdURL() string {
	url, _ := os.ReadFile(s.path("etcd.url")) // startEtcd wrote it.
	return string(url)
}

func (s *Server) startControllers() error {
	p, err := s.start("kube-controller-manager",
		"--kubeconfig="+s.Kubeconfig(), "--leader-elect=false", "--secure-port=0",
		"--controllers="+strings.Join(s.options.Controllers, ","))
	if err != nil {
		return err
	}
	s.controllers = p
	return nil
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// attempts tries something again that depends on a port which somebody else
// may have taken in the meantime.
func attempts(try func() error) error {
	var errs []error
	for range 3 {
		err := try()
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
