package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// etcd's ports are not its usual ones: another may run beside.
const (
	etcdClient = "http://127.0.0.1:23790"
	etcdPeer   = "http://127.0.0.1:23800"
)

func (c *cluster) startControlPlane(ctx context.Context) error {
	if err := c.start("etcd", []string{"--data-dir", c.path("etcd"), "--listen-client-urls", etcdClient, "--advertise-client-urls", etcdClient,
		"--listen-peer-urls", etcdPeer, "--initial-advertise-peer-urls", etcdPeer, "--initial-cluster", "default=" + etcdPeer,
		// What is lost when the machine fails is a test.
		"--unsafe-no-fsync"}); err != nil {
		return err
	}
	if err := c.startServer(); err != nil {
		return err
	}
	if err := c.await(ctx, "kube-apiserver", serverReady); err != nil {
		return err
	}
	if err := c.start("kube-controller-manager", []string{"--kubeconfig", c.kubeconfig("controller-manager"),
		"--service-account-private-key-file", c.path("pki", "service-account.key"), "--root-ca-file", c.path("pki", "ca.crt"),
		"--use-service-account-credentials=true", "--allocate-node-cidrs=false", "--leader-elect=false",
		// Autoscaling within a test's patience; the defaults are 15s, 30s, 5m and 5m.
		"--horizontal-pod-autoscaler-sync-period=5s", "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=10s", "--horizontal-pod-autoscaler-downscale-stabilization=20s"}); err != nil {
		return err
	}
	return c.start("kube-scheduler", []string{"--kubeconfig", c.kubeconfig("scheduler"), "--leader-elect=false"})
}

// auditSize bounds the audit log, in megabytes; one that is full is kept beside the new
// one.
const auditSize = "200"

// audit is the log of the API server of who wrote what.
func (c *cluster) audit() string { return filepath.Join(c.logs(), "audit.log") }

func (c *cluster) startServer() error {
	pki := func(name string) string { return c.path("pki", name) }
	return c.start("kube-apiserver", []string{
		"--etcd-servers=" + etcdClient, "--secure-port=6443", "--bind-address=0.0.0.0", "--advertise-address=" + nodeAddress,
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + pki("ca.crt"), "--tls-cert-file=" + pki("apiserver.crt"), "--tls-private-key-file=" + pki("apiserver.key"),
		"--service-account-key-file=" + pki("service-account.pub"), "--service-account-signing-key-file=" + pki("service-account.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--kubelet-client-certificate=" + pki("admin.crt"), "--kubelet-client-key=" + pki("admin.key"), "--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + pki("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--audit-policy-file=" + c.path("audit.yaml"), "--audit-log-path=" + c.audit(), "--audit-log-maxsize=" + auditSize, "--audit-log-maxbackup=1",
		"--proxy-client-cert-file=" + pki("front-proxy.crt"), "--proxy-client-key-file=" + pki("front-proxy.key"), "--enable-aggregator-routing=true",
	})
}

// serverReady asks the API server on this machine; who it is does not matter.
func serverReady() error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}
	response, err := client.Get("https://127.0.0.1:6443/readyz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the API server answers %s", response.Status)
	}
	return nil
}
