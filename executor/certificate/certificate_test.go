package certificate

import (
	"os"
	"path/filepath"
	"testing"
)

// A file that can no longer be read is reported once, until it is whole again.
// The certificate that was read before stays in use.
func TestBrokenFileIsReportedOnce(t *testing.T) {
	cert := filepath.Join(t.TempDir(), "tls.crt")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(cert, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good := text(t, "tls.crt")
	write(good)
	reported := 0
	pair, err := LoadPair(cert, "testdata/plain.key", func(error) { reported++ })
	if err != nil {
		t.Fatal(err)
	}
	shown := func() {
		t.Helper()
		for range 10 {
			if c, err := pair.Server().GetCertificate(nil); err != nil || len(c.Certificate) != 1 {
				t.Errorf("the certificate is %v, %v", c, err)
			}
		}
	}
	for i := range 2 {
		write("none")
		shown()
		if reported != i+1 {
			t.Errorf("it was reported %d times, want %d", reported, i+1)
		}
		write(good)
		shown()
	}
}
