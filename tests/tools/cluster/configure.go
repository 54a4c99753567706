package main

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed files
var files embed.FS

// facts are what the files name.
func (c *cluster) facts() map[string]string {
	return map[string]string{
		"dir": c.dir, "pki": c.path("pki"), "run": c.run, "socket": c.socket(),
		"node": nodeAddress, "nodeName": nodeName, "pods": podRange, "dns": dnsAddress, "domain": clusterDomain,
		"admin": c.kubeconfig("admin"),
	}
}

// configure writes the files that components read.
func (c *cluster) configure(context.Context) error {
	for name, to := range map[string]string{
		"containerd.toml": c.path("containerd.toml"),
		"bridge.conflist": c.path("cni", "10-bridge.conflist"),
		"kubelet.yaml":    c.path("kubelet.yaml"),
		"kube-proxy.yaml": c.path("kube-proxy.yaml"),
		"Corefile":        c.path("Corefile"),
		"audit.yaml":      c.path("audit.yaml"),
		// Pods that ask beyond the cluster are told that there is nothing.
		"resolv.conf": c.path("resolv.conf"),
	} {
		text, err := render(name, c.facts())
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func render(name string, facts map[string]string) ([]byte, error) {
	text, err := files.ReadFile(filepath.Join("files", name))
	if err != nil {
		return nil, err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, facts)
	return b.Bytes(), err
}

// writeKubeconfig writes how user, one of the identities, reaches the server.
func (c *cluster) writeKubeconfig(user string) error {
	facts := c.facts()
	facts["user"] = user
	text, err := render("kubeconfig.yaml", facts)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.kubeconfig(user), text, 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	return nil
}
