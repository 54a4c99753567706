package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stopOrder is that of the start, reversed: etcd after the API server, the
// runtime after the pods.
var stopOrder = []string{
	"keda", "traefik", "metrics-server", "coredns", "kube-proxy", "kubelet", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd",
}

// down stops the node and removes what it left: containers, mounts, network,
// state. Logs and the built programs stay.
func (c *cluster) down() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range stopOrder {
		c.stop(name, 5*time.Second)
	}
	c.endContainers(ctx)
	c.stop("containerd", 10*time.Second)
	for _, dir := range []string{c.run, c.dir} {
		if err := unmountBelow(dir); err != nil {
			return err
		}
	}
	c.removeNetwork(ctx)
	var errs []error
	for _, name := range []string{"containerd", "etcd", "kubelet", "kubelet-pki", "metrics-pki", "pki", "cni"} {
		errs = append(errs, os.RemoveAll(c.path(name)))
	}
	return errors.Join(append(errs, os.RemoveAll(c.run))...)
}

// endContainers kills what runs in containers; their shims end with them.
func (c *cluster) endContainers(ctx context.Context) {
	if !c.running("containerd") {
		return
	}
	list := func() []string {
		out, err := exec.CommandContext(ctx, c.binary("ctr"), "--address", c.socket(), "--namespace", "k8s.io", "tasks", "ls", "-q").Output()
		if err != nil {
			return nil
		}
		return strings.Fields(string(out))
	}
	for tasks := list(); len(tasks) > 0 && ctx.Err() == nil; tasks = list() {
		for _, task := range tasks {
			// Either may find the task gone.
			_ = c.ctr(ctx, "tasks", "kill", "-s", "KILL", task)
			_ = c.ctr(ctx, "tasks", "rm", "-f", task)
		}
	}
}

// unmountBelow takes away every mount under dir, the innermost first.
func unmountBelow(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+string(filepath.Separator)) {
			points = append(points, f[4])
		}
	}
	slices.Reverse(points)
	var errs []error
	for _, point := range points {
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// removeNetwork takes away the bridge, the pods' network namespaces and the
// rules of kube-proxy and of the bridge plugin.
func (c *cluster) removeNetwork(ctx context.Context) {
	quiet := func(name string, args ...string) { _ = exec.CommandContext(ctx, name, args...).Run() }
	namespaces, _ := filepath.Glob("/var/run/netns/cni-*")
	for _, path := range namespaces {
		quiet("ip", "netns", "delete", filepath.Base(path))
	}
	quiet("ip", "link", "delete", bridge)
	for _, family := range []string{"ip", "ip6"} {
		quiet("nft", "delete", "table", family, "kube-proxy")
	}
	// The bridge plugin masquerades by chains of its own in the table nat.
	rules, err := exec.CommandContext(ctx, "iptables-save", "-t", "nat").Output()
	if err != nil {
		return
	}
	for line := range strings.Lines(string(rules)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "-A POSTROUTING "); ok && strings.Contains(rest, "CNI-") {
			quiet("sh", "-c", "iptables -t nat -D POSTROUTING "+rest)
		}
	}
	for line := range strings.Lines(string(rules)) {
		if chain, _, ok := strings.Cut(strings.TrimPrefix(line, ":"), " "); ok && strings.HasPrefix(line, ":CNI-") {
			quiet("iptables", "-t", "nat", "-F", chain)
			quiet("iptables", "-t", "nat", "-X", chain)
		}
	}
}
