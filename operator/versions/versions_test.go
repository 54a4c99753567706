package versions_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/operator/versions"
)

// TestRedirectsAreNotFollowed: a pod cannot send the operator to somebody else, and what
// others answer is not taken for its report.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var led, asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		led.Add(1)
		_, _ = w.Write([]byte(`{"nodes":[{"node":"clf","store":"a secret of somebody else"}]}`))
	}))
	t.Cleanup(other.Close)
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, other.URL, http.StatusFound)
	}))
	t.Cleanup(pod.Close)
	name := types.NamespacedName{Namespace: "models", Name: "rents"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := versions.New(versions.Options{
		Targets: func(context.Context) ([]versions.Target, error) {
			if asked.Load() >= 3 {
				cancel()
			}
			return []versions.Target{{Deployment: name, Pod: "one", URL: pod.URL}}, nil
		},
		Changed: func(_ context.Context, d types.NamespacedName) { t.Errorf("%s has changed", d) },
		Log:     logr.Discard(), Every: time.Millisecond,
	})
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if told, known := a.Known(name); led.Load() > 0 || known {
		t.Errorf("others were asked %d times, and this is known: %v", led.Load(), told)
	}
}
