package versions_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
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

// TestAReportThatIsTooLongIsTold: once, with the deployment; what was known of the pod stays.
func TestAReportThatIsTooLongIsTold(t *testing.T) {
	t.Parallel()
	var long atomic.Int32
	var learned atomic.Bool
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !learned.Load() {
			_, _ = w.Write([]byte(`{"nodes":[{"node":"clf"}]}`))
			return
		}
		long.Add(1)
		_, _ = w.Write([]byte(`{"nodes":[{"node":"` + strings.Repeat("x", 1<<20) + `"}]}`))
	}))
	t.Cleanup(pod.Close)
	name := types.NamespacedName{Namespace: "models", Name: "rents"}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var mu sync.Mutex
	var said []string
	var saidAt int32 // How many long answers there had been then.
	a := versions.New(versions.Options{
		Targets: func(context.Context) ([]versions.Target, error) {
			mu.Lock()
			defer mu.Unlock()
			// Answers may be late on a busy machine, which says nothing of them.
			if len(said) > 0 && long.Load() >= saidAt+3 {
				cancel()
			}
			return []versions.Target{{Deployment: name, Predictor: "main", Pod: "one", URL: pod.URL}}, nil
		},
		Changed: func(context.Context, types.NamespacedName) { learned.Store(true) },
		Log: funcr.New(func(_, args string) {
			mu.Lock()
			defer mu.Unlock()
			said, saidAt = append(said, args), long.Load()
		}, funcr.Options{}), Every: time.Millisecond,
	})
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(said) != 1 || !strings.Contains(said[0], "answers with more than 1048576 bytes") || !strings.Contains(said[0], `"seldondeployment"="rents"`) {
		t.Errorf("it is said: %q", said)
	}
	if told, known := a.Known(name); !known || len(told) != 1 || len(told[0].Nodes) != 1 || told[0].Nodes[0].Node != "clf" {
		t.Errorf("known is %v", told)
	}
}
