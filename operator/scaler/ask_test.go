package scaler

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

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
	got := newAsker(nil).ask(t.Context(), w)
	for range 60 { // A machine that is busy may not answer in time.
		if len(got.kept) > 0 {
			break
		}
		got = newAsker(nil).ask(t.Context(), w)
	}
	if kept := got.kept[ip]; len(kept.Ports) != fronts || len(kept.Fronts) != fronts {
		t.Errorf("of %d bytes about %d fronts %d ports and %d loads were read", len(text), fronts, len(kept.Ports), len(kept.Fronts))
	}
	if len(got.reports) != 0 {
		t.Errorf("an executor's report of %d bytes was read", len(text))
	}
}
