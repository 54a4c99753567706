package stores

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/tests/kit/cases"
)

// paced is a request that is sent again and again, with a pause after each answer.
type paced struct {
	cases.Request
	pause time.Duration
}

// underLoad sends requests until the test ends. right judges each answer, of the request
// with an index; none may be wrong. dir has the files that requests name.
func underLoad(t *testing.T, address, dir string, requests []paced, right func(i int, answer cases.Answer) bool) {
	t.Helper()
	var asked, failed atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for i, r := range requests {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(r.pause):
				}
				asked.Add(1)
				answer, err := cases.Send(address, dir, r.Request)
				if (err != nil || !right(i, answer)) && failed.Add(1) < 3 {
					t.Errorf("%s: %v, %+v", r.Transport, err, answer)
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		load.Wait()
		t.Logf("%d requests, %d failed", asked.Load(), failed.Load())
	})
}

// versionsSay waits until the executor of a deployment says all these texts of its
// versions.
func versionsSay(t *testing.T, address, deployment string, texts ...string) {
	t.Helper()
	for deadline := time.Now().Add(localTimeout); ; time.Sleep(50 * time.Millisecond) {
		answer, err := cases.Send(address, ".", cases.Request{Transport: "rest", Method: http.MethodGet, Path: "/seldon/default/" + deployment + discovery.PathReport})
		missing := ""
		for _, text := range texts {
			if !strings.Contains(answer.Body, text) {
				missing = text
			}
		}
		if err == nil && missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the executor says %+v, %v; want %q", answer, err, missing)
		}
	}
}
