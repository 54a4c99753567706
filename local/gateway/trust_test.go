package gateway

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/long"
)

func TestTrust(t *testing.T) {
	for name, c := range map[string]struct {
		trust                Trust
		host, origin, method string
		status               int
		allowed              string
	}{
		"a program":                 {Trust{}, "localhost:8003", "", "GET", 200, ""},
		"a program, by number":      {Trust{}, "127.0.0.1:8003", "", "GET", 200, ""},
		"a program, by IPv6":        {Trust{}, "[::1]:8003", "", "GET", 200, ""},
		"a name that is rebound":    {Trust{}, "evil.example:8003", "", "GET", 403, ""},
		"a name that is allowed":    {Trust{Hosts: []string{"a.example"}}, "A.example:8003", "", "GET", 200, ""},
		"a page of its own":         {Trust{}, "localhost:8003", "http://localhost:8003", "POST", 404, ""},
		"a page of another port":    {Trust{}, "localhost:8003", "http://localhost:3000", "POST", 403, ""},
		"a page from elsewhere":     {Trust{}, "localhost:8003", "https://evil.example", "POST", 403, ""},
		"a page without an address": {Trust{}, "localhost:8003", "null", "POST", 403, ""},
		"a page that is allowed":    {Trust{Origins: []string{"https://a.example"}}, "localhost:8003", "https://a.example", "POST", 404, "https://a.example"},
		"it asks first":             {Trust{Origins: []string{"https://a.example"}}, "localhost:8003", "https://a.example", "OPTIONS", 204, "https://a.example"},
		"any page":                  {Trust{Origins: []string{"*"}}, "localhost:8003", "https://b.example", "GET", 200, "https://b.example"},
	} {
		g := New(func(int) int { return 0 })
		g.SetTrust(c.trust)
		path := "/"
		if c.method != http.MethodGet {
			path = "/seldon/none/none/api/v1.0/predictions"
		}
		r := httptest.NewRequest(c.method, path, http.NoBody)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s: %d, allowed %q", name, w.Code, w.Header().Get("Access-Control-Allow-Origin"))
		}
	}
}

// No answer to a request with a body of more than a buffer is cut.
func TestNoAnswerIsCut(t *testing.T) {
	requests := 20_000
	if long.Asked() {
		requests = 200_000
	}
	var early atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Half of the backends answer before they have read all of the body.
		answer := make([]byte, 100_000)
		if early.Add(1)%2 == 0 {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		_, _ = w.Write(answer)
	}))
	defer backend.Close()
	b := NewBackend("p", Addresses{HTTP: strings.TrimPrefix(backend.URL, "http://")}, always)
	_, address := startGateway(t, first, &Deployment{Namespace: "n", Name: "d", Shares: []Share{{Backend: b, Weight: 100}}})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	body := bytes.Repeat([]byte("x"), 6000)
	var cut, left atomic.Int64
	left.Store(int64(requests))
	var wait sync.WaitGroup
	for range 32 {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				answer, err := client.Post("http://"+address+"/seldon/n/d/x", "text/plain", bytes.NewReader(body))
				if err != nil {
					cut.Add(1)
					continue
				}
				got, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || len(got) != 100_000 {
					cut.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if n := cut.Load(); n > 0 {
		t.Errorf("%d of %d answers were cut", n, requests)
	}
}
