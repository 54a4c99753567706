package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// startKeda starts the part of KEDA that makes autoscalers of ScaledObjects.
// The other part, which brings metrics from outside, is not needed for triggers
// of the kinds cpu and memory.
func (c *cluster) startKeda(ctx context.Context) error {
	definitions, err := c.moduleFiles(ctx, "keda", "github.com/kedacore/keda/v2", "config/crd/bases/*.yaml")
	if err != nil {
		return err
	}
	if err := c.define(ctx, definitions); err != nil {
		return err
	}
	certificates := c.path("keda-pki")
	if err := os.MkdirAll(certificates, 0o755); err != nil {
		return err
	}
	for name, own := range map[string]string{"ca.crt": "ca.crt", "tls.crt": "apiserver.crt", "tls.key": "apiserver.key"} {
		if err := os.Symlink(c.path("pki", own), c.path("keda-pki", name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return c.start("keda", []string{
		"--cert-dir", certificates, "--metrics-bind-address=127.0.0.1:10260", "--health-probe-bind-address=127.0.0.1:10261",
		"--metrics-service-bind-address=127.0.0.1:10262",
	}, "KUBECONFIG="+c.kubeconfig("admin"), "KEDA_CLUSTER_OBJECT_NAMESPACE=kube-system", "WATCH_NAMESPACE=")
}
