package program

import (
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

func BenchmarkForward(b *testing.B) {
	w := forwarding(b)
	b.ReportAllocs()
	for b.Loop() {
		w.send(b)
	}
}

// BenchmarkAgainstReverseProxy sends each request through the executor and
// through net/http's own reverse proxy in turn, so that both have the same
// share of what else the machine does. The ratio is the executor's time in
// parts of the proxy's.
func BenchmarkAgainstReverseProxy(b *testing.B) {
	port := componentPort(b)
	component, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", port))
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(httputil.NewSingleHostReverseProxy(component))
	b.Cleanup(server.Close)
	executor, proxy := connect(b, run(b, port)), connect(b, server.Listener.Addr().String())
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		executor.send(b)
		between := time.Now()
		proxy.send(b)
		ours += between.Sub(start)
		theirs += time.Since(between)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "executor-ns/op")
	b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N), "proxy-ns/op")
}
