package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// cluster is where everything of the node is.
type cluster struct {
	// dir holds state and logs; run holds sockets, whose paths must be short.
	dir, run string
	// binaries is one folder with links to all programs.
	binaries string
	// source is the folder of this program's sources.
	source string
}

// run is fixed: there is one such cluster on a machine.
const runDir = "/run/radiant-cluster"

func newCluster() (*cluster, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("a node needs root")
	}
	dir := os.Getenv("RADIANT_CLUSTER_DIR")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(cache, "radiant", "cluster")
	}
	source, err := sourceDir()
	if err != nil {
		return nil, err
	}
	return &cluster{dir: dir, run: runDir, binaries: filepath.Join(dir, "bin"), source: source}, nil
}

// sourceDir is where "go run" and "go build" found this package.
func sourceDir() (string, error) {
	dir := os.Getenv("RADIANT_CLUSTER_SOURCE")
	if dir == "" {
		dir = "."
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(needScript(dir)); err != nil {
		return "", fmt.Errorf("%s is not the folder of the cluster's sources; set RADIANT_CLUSTER_SOURCE", dir)
	}
	return dir, nil
}

func (c *cluster) logs() string { return filepath.Join(c.dir, "logs") }
func (c *cluster) path(name ...string) string {
	return filepath.Join(append([]string{c.dir}, name...)...)
}
func (c *cluster) kubeconfig(user string) string { return c.path(user + ".kubeconfig") }
func (c *cluster) socket() string                { return filepath.Join(c.run, "containerd.sock") }
func (c *cluster) binary(name string) string     { return filepath.Join(c.binaries, name) }

// up starts what does not run yet.
func (c *cluster) up(ctx context.Context) error {
	for _, dir := range []string{c.dir, c.run, c.logs(), c.binaries, c.path("pki"), c.path("cni")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := run(ctx, step{"looking for programs", c.build}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return run(ctx, []step{
		{"making certificates", c.certificates},
		{"making the node's network", c.network},
		{"writing configuration", c.configure},
		{"starting the container runtime", c.startRuntime},
		{"importing the pause image", c.pauseImage},
		{"starting the control plane", c.startControlPlane},
		{"starting the node", c.startNode},
		{"starting the cluster's services", c.startServices},
		{"waiting for the node", c.waitReady},
	}...)
}

// patience bounds a start, once the programs are there.
const patience = 5 * time.Minute

type step struct {
	what string
	do   func(context.Context) error
}

func run(ctx context.Context, steps ...step) error {
	for _, s := range steps {
		fmt.Fprintln(os.Stderr, "cluster:", s.what)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// programs are all that a node runs, by their names in scripts/tools.txt.
func programs() []string {
	return []string{
		"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
		"containerd", "containerd-shim-runc-v2", "ctr", "coredns", "metrics-server", "traefik", "keda",
	}
}

// ofDebian are the programs that the machine must have.
func ofDebian() []string {
	return []string{"runc", "cni-plugins", "nft", "conntrack", "ip", "iptables", "debootstrap"}
}

// need returns the paths of tools, which are built or installed unless they are
// there.
func (c *cluster) need(ctx context.Context, names ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, needScript(c.source), names...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	return strings.Fields(string(out)), err
}

// needScript is the script that makes tools, from the folder of this program's
// sources.
func needScript(source string) string {
	return filepath.Join(source, "..", "..", "..", "scripts", "need.sh")
}

// build makes the programs and links them into one folder.
func (c *cluster) build(ctx context.Context) error {
	if _, err := c.need(ctx, ofDebian()...); err != nil {
		return err
	}
	paths, err := c.need(ctx, programs()...)
	if err != nil {
		return err
	}
	for _, path := range paths {
		link := c.binary(filepath.Base(path))
		if target, err := os.Readlink(link); err == nil && target == path {
			continue
		}
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := os.Symlink(path, link); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program to its end; its output is part of the error.
func (c *cluster) command(ctx context.Context, input io.Reader, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = input
	cmd.Env = append(os.Environ(), "PATH="+c.binaries+":"+os.Getenv("PATH"), "DEBIAN_FRONTEND=noninteractive", "KUBECONFIG="+c.kubeconfig("admin"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
