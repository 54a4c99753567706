package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// Addresses of the test network. Pods get addresses beside the node's, on a
// bridge of this machine; services get virtual ones.
const (
	nodeAddress    = "10.244.0.1"
	nodeName       = "node1"
	podRange       = "10.244.0.0/24"
	serviceRange   = "10.96.0.0/16"
	serviceAddress = "10.96.0.1"
	dnsAddress     = "10.96.0.10"
	clusterDomain  = "cluster.local"
)

// identity is whom a certificate stands for.
type identity struct {
	file, name, group string
	hosts             []string
}

func identities() []identity {
	return []identity{
		{file: "apiserver", name: "kube-apiserver", hosts: []string{"localhost", "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain, "127.0.0.1", serviceAddress, nodeAddress}},
		{file: "admin", name: "admin", group: "system:masters"},
		{file: "controller-manager", name: "system:kube-controller-manager"},
		{file: "scheduler", name: "system:kube-scheduler"},
		{file: "kubelet", name: "system:node:" + nodeName, group: "system:nodes", hosts: []string{nodeName, "127.0.0.1", nodeAddress}},
		{file: "front-proxy", name: "front-proxy-client"},
	}
}

// certificates are made once; the same ones serve every start.
func (c *cluster) certificates(context.Context) error {
	if _, err := os.Stat(c.path("pki", "done")); err == nil {
		return nil
	}
	ca, caKey, err := c.authority()
	if err != nil {
		return err
	}
	for i, id := range identities() {
		if err := c.certificate(ca, caKey, id, int64(i)+2); err != nil {
			return fmt.Errorf("%s: %w", id.file, err)
		}
	}
	// Tokens of service accounts are signed with a key of their own.
	key, err := c.newKey("service-account")
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	if err := writePEM(c.path("pki", "service-account.pub"), "PUBLIC KEY", public); err != nil {
		return err
	}
	for _, user := range []string{"admin", "kubelet", "controller-manager", "scheduler"} {
		if err := c.writeKubeconfig(user); err != nil {
			return err
		}
	}
	return os.WriteFile(c.path("pki", "done"), nil, 0o600)
}

func (c *cluster) authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := c.newKey("ca")
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "radiant-test-ca"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	ca, err := x509.ParseCertificate(der)
	return ca, key, errors.Join(err, writePEM(c.path("pki", "ca.crt"), "CERTIFICATE", der))
}

func (c *cluster) certificate(ca *x509.Certificate, caKey *ecdsa.PrivateKey, id identity, serial int64) error {
	key, err := c.newKey(id.file)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: id.name},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if id.group != "" {
		template.Subject.Organization = []string{id.group}
	}
	for _, host := range id.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	return writePEM(c.path("pki", id.file+".crt"), "CERTIFICATE", der)
}

func (c *cluster) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(c.path("pki", name+".key"), "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
