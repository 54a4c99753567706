package scrape_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/scrape"
)

// TestRead reads a report once, and then as long as it is another one; who leads elsewhere
// is not followed.
func TestRead(t *testing.T) {
	var led atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
	t.Cleanup(other.Close)
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case r.Header.Get("If-None-Match") == `"1"`:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", `"1"`)
			_, _ = w.Write([]byte(`{"n": 7}`))
		}
	}))
	t.Cleanup(pod.Close)
	c := scrape.New(nil, time.Minute)
	var got struct{ N int }
	etag, err := c.Read(t.Context(), pod.URL, "", 100, &got)
	if err != nil || etag != `"1"` || got.N != 7 {
		t.Fatalf("read %v, %s, %v", got, etag, err)
	}
	got.N = 0
	if etag, err = c.Read(t.Context(), pod.URL, etag, 100, &got); err != nil || etag != `"1"` || got.N != 0 {
		t.Errorf("what has not changed is read: %v, %s, %v", got, etag, err)
	}
	if _, err = c.Read(t.Context(), pod.URL, "", 4, &got); err == nil {
		t.Error("a report that is too long is read")
	}
	if _, err = c.Read(t.Context(), pod.URL+"/away", "", 100, &got); err == nil || led.Load() > 0 {
		t.Errorf("who leads elsewhere is followed: %d times, %v", led.Load(), err)
	}
	if url := scrape.URL(true, "fd00::1", 8000, "/scaling"); url != "https://[fd00::1]:8000/scaling" {
		t.Errorf("the URL is %s", url)
	}
}
