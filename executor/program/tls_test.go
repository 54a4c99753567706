package program

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/prime-radiant/radiant/executor/config"
)

// certificate writes a key pair for 127.0.0.1 into dir and returns a pool that
// trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}

func load(t *testing.T, certs string) *config.Config {
	t.Helper()
	predictor := base64.StdEncoding.EncodeToString([]byte(`{"name":"p","graph":{"name":"s","implementation":"SIMPLE_MODEL"}}`))
	vars := map[string]string{"ENGINE_PREDICTOR": predictor, "RADIANT_PODINFO": t.TempDir(), "SELDON_CERT_MOUNT_PATH": certs}
	c, err := config.Load([]string{"--sdep=d", "--namespace=n", "--predictor=p", "--http_port=0", "--grpc_port=0"},
		func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	settings := &tls.Config{RootCAs: certificate(t, dir), MinVersion: tls.VersionTLS12}
	ctx, stop := context.WithCancel(t.Context())
	addresses, done := make(chan [2]string, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, load(t, dir+"/"), io.Discard, func(rest, grpc string) { addresses <- [2]string{rest, grpc} })
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	listening := <-addresses
	local := func(address string) string { return "127.0.0.1" + address[strings.LastIndexByte(address, ':'):] }

	client := http.Client{Transport: &http.Transport{TLSClientConfig: settings, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Post("https://"+local(listening[0])+"/api/v1.0/predictions", "application/json", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || string(body) != `{"a":1}` || answer.ProtoMajor != 1 {
		t.Errorf("answer is %s %s %s", answer.Proto, answer.Status, body)
	}

	conn, err := grpc.NewClient("passthrough:///"+local(listening[1]), grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if r, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, %v", r, err)
	}
}

func TestMissingCertificate(t *testing.T) {
	err := Run(t.Context(), load(t, filepath.Join(t.TempDir(), "none")), io.Discard, nil)
	if err == nil || !strings.Contains(err.Error(), "reading the certificate") {
		t.Errorf("error is %v", err)
	}
}

func TestPuid(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newPuid()
		if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '4' || id[18] != '-' || !strings.ContainsRune("89ab", rune(id[19])) || id[23] != '-' || seen[id] {
			t.Fatalf("puid %d is %q", len(seen), id)
		}
		seen[id] = true
	}
}
