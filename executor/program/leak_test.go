package program

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestNothingIsLeftRunning sends requests that are answered, that fail and
// that the client leaves, and counts goroutines before, in between and after.
func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("requests", func(t *testing.T) {
		component := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch body, _ := io.ReadAll(r.Body); string(body) {
			case "fail":
				panic(http.ErrAbortHandler)
			case "hang":
				<-r.Context().Done()
			default:
				_, _ = w.Write(body)
			}
		}))
		defer component.Close()
		u, err := url.Parse(component.URL)
		if err != nil {
			t.Fatal(err)
		}
		port, err := strconv.Atoi(u.Port())
		if err != nil {
			t.Fatal(err)
		}
		address := run(t, port)
		send := func(body string) {
			// A connection each, so that a request can be left by closing it.
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			if body == "hang" {
				client.Timeout = 5 * time.Millisecond
			}
			answer, err := client.Post("http://"+address+"/api/v1.0/predictions", "text/plain", strings.NewReader(body))
			if err != nil {
				if body != "hang" {
					t.Error(err)
				}
				return
			}
			_ = answer.Body.Close()
		}
		round := func() {
			for _, body := range []string{"answer", "fail", "hang"} {
				send(body)
			}
		}
		round()
		warm := runtime.NumGoroutine()
		for range 50 {
			round()
		}
		settle(t, "after 150 requests", warm)
	})
	settle(t, "at the end", before)
}

// settle waits until no more goroutines run than wanted. A few come and go
// with the connections of the moment.
func settle(t *testing.T, when string, want int) {
	t.Helper()
	const slack = 10
	deadline := time.Now().Add(20 * time.Second)
	for runtime.NumGoroutine() > want+slack {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s %d goroutines run, want %d:\n%s", when, runtime.NumGoroutine(), want, stacks[:runtime.Stack(stacks, true)])
		}
		time.Sleep(10 * time.Millisecond)
	}
}
