package main

import (
	"bytes"
	"context"
)

func (c *cluster) startRuntime(ctx context.Context) error {
	if err := c.start("containerd", []string{"-c", c.path("containerd.toml")}); err != nil {
		return err
	}
	return c.await(ctx, "containerd", func() error {
		return c.ctr(ctx, "version")
	})
}

func (c *cluster) startNode(context.Context) error {
	if err := c.start("kubelet", []string{"--kubeconfig", c.kubeconfig("kubelet"), "--config", c.path("kubelet.yaml"), "--root-dir", c.path("kubelet"),
		"--hostname-override", nodeName, "--node-ip", nodeAddress, "--cert-dir", c.path("kubelet-pki")}); err != nil {
		return err
	}
	return c.start("kube-proxy", []string{"--config", c.path("kube-proxy.yaml")})
}

// startServices starts what pods and clients of a cluster count on: names,
// metrics for autoscaling, a gateway.
func (c *cluster) startServices(ctx context.Context) error {
	services, err := render("services.yaml", c.facts())
	if err != nil {
		return err
	}
	if err := c.apply(ctx, services); err != nil {
		return err
	}
	if err := c.start("coredns", []string{"-conf", c.path("Corefile")}); err != nil {
		return err
	}
	admin := c.kubeconfig("admin")
	if err := c.start("metrics-server", []string{"--kubeconfig", admin, "--authentication-kubeconfig", admin, "--authorization-kubeconfig", admin,
		"--secure-port=10251", "--kubelet-insecure-tls", "--kubelet-preferred-address-types=InternalIP",
		"--metric-resolution=10s", "--kubelet-request-timeout=5s", "--cert-dir", c.path("metrics-pki")}); err != nil {
		return err
	}
	if err := c.startKeda(ctx); err != nil {
		return err
	}
	return c.startGateway(ctx)
}

func (c *cluster) apply(ctx context.Context, objects []byte) error {
	return c.command(ctx, bytes.NewReader(objects), c.binary("kubectl"), "apply", "--server-side", "--force-conflicts", "-f", "-")
}

// waitReady returns when pods can be placed and what they count on is there.
func (c *cluster) waitReady(ctx context.Context) error {
	kubectl := c.binary("kubectl")
	if err := c.await(ctx, "kubelet", func() error {
		return c.command(ctx, nil, kubectl, "wait", "--for=condition=Ready", "--timeout=30s", "node/"+nodeName)
	}); err != nil {
		return err
	}
	if err := c.await(ctx, "kube-controller-manager", func() error {
		return c.command(ctx, nil, kubectl, "get", "serviceaccount", "default")
	}); err != nil {
		return err
	}
	return c.await(ctx, "traefik", func() error {
		return c.command(ctx, nil, kubectl, "wait", "--for=condition=Programmed", "--timeout=30s", "-n", "radiant-system", "gateway/radiant", "gateway/radiant-grpc")
	})
}

// ctr is containerd's own client, in the namespace of Kubernetes.
func (c *cluster) ctr(ctx context.Context, args ...string) error {
	return c.command(ctx, nil, c.binary("ctr"), append([]string{"--address", c.socket(), "--namespace", "k8s.io"}, args...)...)
}
