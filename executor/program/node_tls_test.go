package program

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// startSecure starts a component that echoes, over TLS alone, to clients that
// show a certificate.
func startSecure(t *testing.T, dir string, clients *x509.CertPool) (httpPort, grpcPort int) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	settings := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	web.TLS = settings
	web.StartTLS()
	t.Cleanup(web.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(settings)), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		var m seldon.SeldonMessage
		if err := s.RecvMsg(&m); err != nil {
			return err
		}
		return s.SendMsg(&m)
	}))
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return web.Listener.Addr().(*net.TCPAddr).Port, listener.Addr().(*net.TCPAddr).Port
}

// TestNodesOverTLS calls and probes a node over TLS, with certificates on both
// sides, and again after the node's has been replaced.
func TestNodesOverTLS(t *testing.T) {
	server, client := t.TempDir(), t.TempDir()
	writePair(t, server)
	clients := writePair(t, client)
	httpPort, grpcPort := startSecure(t, server, clients)
	authority := filepath.Join(t.TempDir(), "ca.crt")
	trust := func(dir string) {
		text, err := os.ReadFile(filepath.Join(dir, "tls.crt"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(authority, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(server)
	vars := map[string]string{"RADIANT_NODE_CA_FILE": authority, "RADIANT_NODE_CERT_FILE": filepath.Join(client, "tls.crt"), "RADIANT_NODE_KEY_FILE": filepath.Join(client, "tls.key")}
	launch := func(httpPort, grpcPort int) [2]string {
		endpoint := fmt.Sprintf(`{"service_host":"127.0.0.1","httpPort":%d,"grpcPort":%d,"service_port":%[1]d,"tls":true}`, httpPort, grpcPort)
		c := loadWith(t, `{"name":"p","graph":{"name":"m","type":"MODEL","endpoint":`+endpoint+`}}`, vars)
		c.FullHealthChecks = true
		return serving(t, c)
	}
	asked := func(listening [2]string) (rest int, rpc error) {
		answer, err := http.Post("http://"+listening[0]+"/api/v1.0/predictions", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		conn, err := grpc.NewClient("passthrough:///"+listening[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		m := &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_StrData{StrData: "hello"}}
		out, err := seldon.NewSeldonClient(conn).Predict(t.Context(), m)
		if err == nil && out.GetStrData() != "hello" {
			t.Errorf("answer is %v", out)
		}
		return answer.StatusCode, err
	}
	listening := launch(httpPort, grpcPort)
	if rest, rpc := asked(listening); rest != http.StatusOK || rpc != nil {
		t.Errorf("the node answers %d, %v", rest, rpc)
	}
	ready, err := http.Get("http://" + listening[0] + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	_ = ready.Body.Close()
	if ready.StatusCode != http.StatusOK {
		t.Errorf("/ready is %d", ready.StatusCode)
	}
	other := t.TempDir()
	writePair(t, other)
	httpPort, grpcPort = startSecure(t, other, clients)
	moved := launch(httpPort, grpcPort)
	if rest, rpc := asked(moved); rest == http.StatusOK || rpc == nil {
		t.Error("a node was trusted whose authority is unknown")
	}
	trust(other)
	rest, rpc := asked(moved)
	// A call is told of the last failure while the next attempt to connect waits.
	for deadline := time.Now().Add(10 * time.Second); rpc != nil && time.Now().Before(deadline); rest, rpc = asked(moved) {
		time.Sleep(20 * time.Millisecond)
	}
	if rest != http.StatusOK || rpc != nil {
		t.Errorf("with its authority in the file, the node answers %d, %v", rest, rpc)
	}
}

func TestBrokenAuthority(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := loadWith(t, simple, map[string]string{"RADIANT_NODE_CA_FILE": file})
	if err := Run(t.Context(), c, io.Discard, nil); err == nil || !strings.Contains(err.Error(), "holds no certificate in PEM") {
		t.Errorf("error is %v", err)
	}
}
