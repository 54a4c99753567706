package peers

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewRefuses(t *testing.T) {
	for _, list := range []string{"host", "host:", ":80", "ftp://host:80", "host:80/path", "a:1,,b:2"} {
		if _, err := New(list, nil); err == nil || !strings.Contains(err.Error(), "is no host:port") {
			t.Errorf("%q: error is %v", list, err)
		}
	}
	for _, list := range []string{"", " "} {
		if p, err := New(list, nil); p != nil || err != nil {
			t.Errorf("%q: %v, %v", list, p, err)
		}
	}
}

// Each replica is asked, by HTTP or HTTPS; those that do not answer are named.
func TestAsk(t *testing.T) {
	say := func(status, bytes int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(r.URL.RequestURI() + strings.Repeat(" ", bytes)))
		}
	}
	var list []string
	for _, s := range []*httptest.Server{
		httptest.NewServer(say(200, 0)), httptest.NewServer(say(404, 0)), httptest.NewServer(say(200, 5<<20)),
	} {
		t.Cleanup(s.Close)
		list = append(list, strings.TrimPrefix(s.URL, "http://"))
	}
	secure := httptest.NewTLSServer(say(200, 1))
	t.Cleanup(secure.Close)
	settings := secure.Client().Transport.(*http.Transport).TLSClientConfig
	list = append(list, secure.URL, "127.0.0.1:1", "nobody.invalid:80")
	p, err := New(strings.Join(list, ", "), settings)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	err = p.Ask(t.Context(), "/drift?counts", func(body []byte) { got = append(got, string(body)) })
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/drift?counts", "/drift?counts "}, got); diff != "" {
		t.Error(diff)
	}
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"it answers 404", "more than 4194304 bytes", "connection refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if err := (*Peers)(nil).Ask(t.Context(), "/", nil); err != nil {
		t.Error(err)
	}
}

// TestAnAnswerWithoutEnd: a head that does not end is not read for long, and the words
// of a status are not handed on.
func TestAnAnswerWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct{ head, want string }{
		"header": {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 1<<20), "exceeded 65536 bytes"},
		"words":  {"HTTP/1.1 500 secret\r\nContent-Length: 0\r\n\r\n", "it answers 500 Internal Server Error"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			if conn, err := l.Accept(); err == nil {
				_, _ = conn.Read(make([]byte, 4096)) // Nobody answers before there is a question.
				_, _ = conn.Write([]byte(c.head))
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}
		}()
		p, err := New(l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Ask(t.Context(), "/", nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}
