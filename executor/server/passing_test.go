package server

import (
	"strings"
	"testing"
)

func TestPassing(t *testing.T) {
	for _, c := range []struct {
		list, name string
		want       bool
	}{
		{"*", "X-Model", true}, {"*", "Set-Cookie", true}, {"*", "Connection", false}, {"*", "Content-Length", false},
		{"*", "Access-Control-Allow-Origin", false}, {"*", "Seldon-Puid", false}, {"*", "Date", false},
		{"x-*, etag", "X-Model", true}, {"x-*, etag", "Etag", true}, {"x-*, etag", "Set-Cookie", false},
		{"none", "X-Model", false}, {"", "X-Model", false},
	} {
		p := NewPassing(c.list)
		if got := p.Pass(c.name); got != c.want {
			t.Errorf("%q lets %s through: %v", c.list, c.name, got)
		}
		if got := p.Wants([]byte(strings.ToLower(c.name))); got != c.want {
			t.Errorf("%q wants %s: %v", c.list, c.name, got)
		}
	}
	if p := NewPassing("none"); !p.Wants([]byte("inference-header-content-length")) {
		t.Error("it is not told how long an answer's JSON is")
	}
}

func TestTakesGzip(t *testing.T) {
	for value, want := range map[string]bool{"": false, "gzip": true, "br, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "identity": false} {
		if got := takesGzip([]string{value}); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}
