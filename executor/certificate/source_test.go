package certificate

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEncryptedKeys reads one key in the forms that openssl gives it.
func TestEncryptedKeys(t *testing.T) {
	cert := Source{File: filepath.Join("testdata", "tls.crt")}
	for _, name := range []string{"plain.key", "aes256.key", "aes192sha512.key", "aes128sha1.key", "older.key"} {
		if _, err := NewPair(cert, Source{Text: text(t, name)}, "hush", nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := NewPair(cert, Source{Text: text(t, name)}, "wrong", nil)
		if (err == nil) != (name == "plain.key") || err != nil && strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s with a wrong password: %v", name, err)
		}
	}
	if _, err := NewPair(cert, Source{Text: text(t, "scrypt.key")}, "hush", nil); err == nil || !strings.Contains(err.Error(), "openssl pkcs8 -topk8 -v2 aes-256-cbc") {
		t.Errorf("a key that cannot be read: %v", err)
	}
	for _, form := range []string{"%v", "%+v", "%#v"} {
		if s := fmt.Sprintf(form, struct{ Key Source }{Source{Text: "secret"}}); strings.Contains(s, "secret") {
			t.Errorf("%s shows %s", form, s)
		}
	}
}

// TestFresh judges a server by its address and by an authority given as text.
func TestFresh(t *testing.T) {
	pair, err := LoadPair("testdata/tls.crt", "testdata/plain.key", nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", pair.Server())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = conn.(*tls.Conn).Handshake() }()
		}
	}()
	authority, err := NewAuthority(Source{Text: text(t, "tls.crt")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		authority *Authority
		name      string
		trusted   bool
	}{{authority, "127.0.0.1", true}, {authority, "127.0.0.2", false}, {nil, "127.0.0.1", false}} {
		settings := Fresh(c.authority, nil)()
		settings.ServerName = c.name
		raw, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := tls.Client(raw, settings).Handshake(); (err == nil) != c.trusted {
			t.Errorf("%s, authority %t: %v", c.name, c.authority != nil, err)
		}
		_ = raw.Close()
	}
}
