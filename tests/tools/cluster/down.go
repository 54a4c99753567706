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
func stopOrder() []string {
	return []string{
		"keda", "traefik", "metrics-server", "coredns", "kube-proxy", "kubelet", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd",
	}
}

// down stops the node and removes what it left: containers, mounts, network,
// state. Logs and the built programs stay.
func (c *cluster) down() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, name := range stopOrder() {
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
// rules for them.
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
	for _, program := range []string{"iptables", "ip6tables"} {
		removeRules(ctx, program)
	}
}

// removeRules takes away the chains of the bridge plugin and of the kubelet,
// and the rules that lead to them.
func removeRules(ctx context.Context, program string) {
	saved, err := exec.CommandContext(ctx, program+"-save").Output()
	if err != nil {
		return
	}
	var rules, contents, chains []string
	table := ""
	for line := range strings.Lines(string(saved)) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case strings.HasPrefix(line, ":") && isOurs(words[0][1:]):
			contents = append(contents, fmt.Sprintf("%s -t %s -F %s", program, table, words[0][1:]))
			chains = append(chains, fmt.Sprintf("%s -t %s -X %s", program, table, words[0][1:]))
		case strings.HasPrefix(line, "-A ") && !isOurs(words[1]) && slices.ContainsFunc(words[2:], isOurs):
			rules = append(rules, fmt.Sprintf("%s -t %s -D %s", program, table, line[len("-A "):]))
		}
	}
	// A chain can be deleted when it is empty and nothing leads to it. The
	// lines are quoted for a shell.
	for _, command := range slices.Concat(rules, contents, chains) {
		_ = exec.CommandContext(ctx, "sh", "-c", command).Run()
	}
}

func isOurs(chain string) bool {
	return strings.HasPrefix(chain, "CNI-") || strings.HasPrefix(chain, "KUBE-")
}
