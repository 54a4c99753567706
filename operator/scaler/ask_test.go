package scaler

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

// TestAnActivatorReportsAllFronts: the report of an activator of 6,000 fronts, all
// with requests, is read, and one of an executor as long as that is not.
func TestAnActivatorReportsAllFronts(t *testing.T) {
	const fronts = 6_000
	long := scaling.Report{Started: "a", Fronts: map[string]scaling.Load{}, Ports: map[string]int32{}}
	for i := range fronts {
		name := fmt.Sprintf("namespace-of-a-team-%d/deployment-with-a-name-predictor-%d", i, i)
		long.Ports[name] = int32(20_000 + i)
		long.Fronts[name] = scaling.Load{InFlight: 1, BusySeconds: 1.234567891234, Requests: 123456789}
	}
	text, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) <= mostReport || len(text) > mostKept {
		t.Fatalf("the report has %d bytes", len(text))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) }))
	defer server.Close()
	ip, at, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseInt(at, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	of := types.NamespacedName{Namespace: "ns", Name: "p"}
	w := &world{
		workloads:  []workload{{name: of, Scaled: scaling.Scaled{Predictor: of.Name, ReportPort: int32(port)}}},
		pods:       map[types.NamespacedName][]pod{of: {{uid: "1", ip: ip, ready: true}}},
		activators: []activator{{"a", ip, int32(port)}},
	}
	var mu sync.Mutex
	var lines []string
	log := funcr.New(func(_, args string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, args)
	}, funcr.Options{})
	said := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(lines)
	}
	asks := newAsker(nil, log)
	got := asks.ask(t.Context(), w)
	for range 60 { // A machine that is busy may not answer in time.
		if len(got.kept) > 0 && len(said()) > 0 {
			break
		}
		got = asks.ask(t.Context(), w)
	}
	if kept := got.kept[ip]; len(kept.Ports) != fronts || len(kept.Fronts) != fronts {
		t.Errorf("of %d bytes about %d fronts %d ports and %d loads were read", len(text), fronts, len(kept.Ports), len(kept.Fronts))
	}
	if len(got.reports) != 0 {
		t.Errorf("an executor's report of %d bytes was read", len(text))
	}
	asks.ask(t.Context(), w)
	if all := said(); len(all) != 1 || !strings.Contains(all[0], "more than 1048576 bytes") {
		t.Errorf("of that report it is said: %q; want once that it is too long", all)
	}
}

// TestAnActivatorThatIsLateTwiceIsThere: one that says nothing twice in a row and then
// answers is not taken to be gone, as one that says nothing three times is.
func TestAnActivatorThatIsLateTwiceIsThere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"started": "a"}`)) }))
	defer server.Close()
	var late atomic.Bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if late.Load() && strings.HasPrefix(address, "127.0.0.2:") {
			return nil, os.ErrDeadlineExceeded
		}
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
	w := &world{activators: []activator{{"a", "127.0.0.1", 1}, {"b", "127.0.0.2", 1}}}
	for _, c := range []struct {
		times  int
		silent bool
	}{{2, false}, {3, true}} {
		// Of a busy machine others may be late too: such a turn says nothing.
		for range 60 {
			s := New(Options{})
			s.asker = newAsker(dial, logr.Discard())
			asks := func(is bool) (answered bool, silent bool) {
				late.Store(is)
				s.asker.client.CloseIdleConnections()
				a := s.asker.ask(t.Context(), w)
				s.listen(&a)
				_, answered = a.kept["127.0.0.1"]
				return answered, a.silent["127.0.0.2"]
			}
			told, silent := true, false
			for range c.times {
				one, is := asks(true)
				told, silent = told && one, is
			}
			if !c.silent {
				var one bool
				began := time.Now()
				one, silent = asks(false)
				told = told && one && time.Since(began) < time.Second/2
			}
			if !told {
				continue
			}
			if silent != c.silent {
				t.Errorf("an activator that is late %d times is taken to be gone: %v, want %v", c.times, silent, c.silent)
			}
			break
		}
	}
}
