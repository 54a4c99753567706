package local

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// certificate writes a key pair of a host in a cluster.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "secure-main.default.svc.cluster.local"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const secure = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: secure}
spec:
  predictors:
  - name: main
    ssl: {certSecretName: the-certificate}
    graph: {name: clf, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: clf, image: "example.com/clf:1"}]}}]
`

func TestAPredictorWithTLS(t *testing.T) {
	t.Parallel()
	s := newSession(t, secure)
	dir := t.TempDir()
	certificate(t, dir)
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("model", "behind-tls")}
	s.options.Volumes = map[string]string{"seldon-cert-volume": dir}
	s.start()
	code, body := s.post("/seldon/default/secure/api/v1.0/predictions", `{"data":{"ndarray":[[1]]}}`)
	if code != http.StatusOK || !strings.Contains(body, "behind-tls") {
		t.Errorf("status %d: %s", code, body)
	}
	conn, err := grpc.NewClient("passthrough:///"+s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "seldon", "secure")
	health, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil || health.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health over gRPC: %v, %v", health, err)
	}
	s.stop()
	if _, err := os.Stat(filepath.Join(dir, "tls.key")); err != nil {
		t.Errorf("the user's folder was touched: %v", err)
	}
}
