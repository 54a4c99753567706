package program

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// translating is a node of TensorFlow Serving's protocol at a server that answers rows
// by themselves, and some requests by an error, in chunks or slowly.
func translating(tb testing.TB) (node string) {
	tb.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.NotFound(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		answer := bytes.Replace(body, []byte(`"instances"`), []byte(`"predictions"`), 1)
		switch {
		case bytes.Contains(body, []byte("[-1.5")):
			http.Error(w, `{"error":"refused"}`, http.StatusBadRequest)
		case bytes.Contains(body, []byte("[-2.5")):
			_, _ = w.Write(answer[:len(answer)/2])
			w.(http.Flusher).Flush()
			_, _ = w.Write(answer[len(answer)/2:])
		case bytes.Contains(body, []byte("[-3.5")):
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = w.Write(answer)
		case bytes.Contains(body, []byte("[-4.5")):
			_, _ = w.Write(answer[:len(answer)-2])
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write(answer)
		}
	}))
	tb.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf(`{"name":"m","type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":%s,"protocol":"tensorflow"}}`, u.Port())
}

// posted is the answer to a prediction, whose client may go away soon.
func posted(t *testing.T, address, body string, leaves bool) (*http.Response, []byte, error) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if leaves {
		defer time.AfterFunc(time.Millisecond, cancel).Stop()
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v1.0/predictions", strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	return r, text, err
}

// TestRecycledMemoryIsOfOneRequest sends translated requests of many sizes at once, each
// of its own numbers, while some clients go away: an answer holds no other's.
func TestRecycledMemoryIsOfOneRequest(t *testing.T) {
	address := runGraph(t, translating(t))
	var wait sync.WaitGroup
	for client := range 8 {
		wait.Go(func() {
			for k := range 60 {
				first := float64(k%8) + 0.5
				if k%3 == 0 {
					first = -first // Each kind of answer there is.
				}
				number := fmt.Sprintf(",%d.%d", client+1, k)
				row := fmt.Sprintf("[%g%s]", first, strings.Repeat(number, []int{1, 40, 700, 4000, 9000}[(client+k)%5]))
				body := `{"data":{"ndarray":[` + row + `]}}`
				r, text, err := posted(t, address, body, k%7 == 1)
				if err != nil {
					if k%7 != 1 {
						t.Error(err)
					}
					continue // It has gone away.
				}
				wanted := r.StatusCode == http.StatusOK && strings.Contains(string(text), `"ndarray":[`+row+`]`)
				if first == -1.5 || first == -4.5 {
					wanted = r.StatusCode != http.StatusOK
				}
				if !wanted {
					t.Errorf("%.80s is answered %s %.120s", body, r.Status, text)
				}
			}
		})
	}
	wait.Wait()
}
