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

// writePair writes a key pair for 127.0.0.1 into dir and returns a pool that
// trusts it.
func writePair(t *testing.T, dir string) *x509.CertPool {
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

const simple = `{"name":"p","graph":{"name":"s","implementation":"SIMPLE_MODEL"}}`

func load(t *testing.T, certs string) *config.Config {
	t.Helper()
	return loadWith(t, simple, map[string]string{"SELDON_CERT_MOUNT_PATH": certs})
}

func loadWith(t *testing.T, predictor string, vars map[string]string) *config.Config {
	t.Helper()
	vars["ENGINE_PREDICTOR"], vars["RADIANT_PODINFO"] = base64.StdEncoding.EncodeToString([]byte(predictor)), t.TempDir()
	c, err := config.Load([]string{"--sdep=d", "--namespace=n", "--predictor=p", "--http_port=0", "--grpc_port=0"},
		func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	settings := &tls.Config{RootCAs: writePair(t, dir), MinVersion: tls.VersionTLS12}
	listening := serving(t, load(t, dir+"/"))
	client := http.Client{Transport: &http.Transport{TLSClientConfig: settings, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Post("https://"+listening[0]+"/api/v1.0/predictions", "application/json", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || string(body) != `{"a":1}` || answer.ProtoMajor != 1 {
		t.Errorf("answer is %s %s %s", answer.Proto, answer.Status, body)
	}

	conn, err := grpc.NewClient("passthrough:///"+listening[1], grpc.WithTransportCredentials(credentials.NewTLS(settings)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if r, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil || r.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health is %v, %v", r, err)
	}
}

// serving runs an executor until the end of the test and returns its REST and
// gRPC addresses.
func serving(t *testing.T, c *config.Config) [2]string {
	t.Helper()
	return servingTo(t, c, io.Discard)
}

// servingTo is serving with a place for the log.
func servingTo(t *testing.T, c *config.Config, log io.Writer) [2]string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	addresses, done := make(chan [2]string, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, c, log, func(rest, grpc string) { addresses <- [2]string{rest, grpc} })
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	local := func(address string) string { return "127.0.0.1" + address[strings.LastIndexByte(address, ':'):] }
	listening := <-addresses
	return [2]string{local(listening[0]), local(listening[1])}
}

// TestRenewedCertificate replaces the files under a running executor, by files
// that cannot be read at first.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	old := writePair(t, dir)
	listening := serving(t, load(t, dir))
	trusts := func(pool *x509.CertPool) [2]bool {
		var trusted [2]bool
		for i, address := range listening {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
			if err == nil {
				_ = conn.Close()
			}
			trusted[i] = err == nil
		}
		return trusted
	}
	if got := trusts(old); got != [2]bool{true, true} {
		t.Fatalf("the first pair is trusted over REST, gRPC: %v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "tls.crt"), []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := trusts(old); got != [2]bool{true, true} {
		t.Errorf("with a broken file, the first pair is trusted: %v", got)
	}
	renewed := writePair(t, dir)
	if got := trusts(renewed); got != [2]bool{true, true} {
		t.Errorf("the renewed pair is trusted: %v", got)
	}
	if got := trusts(old); got != [2]bool{} {
		t.Errorf("the first pair is still shown: %v", got)
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
	var made puids
	for range 1000 {
		id := made.next()
		if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '4' || id[18] != '-' || !strings.ContainsRune("89ab", rune(id[19])) || id[23] != '-' || seen[id] {
			t.Fatalf("puid %d is %q", len(seen), id)
		}
		seen[id] = true
	}
}
