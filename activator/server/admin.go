package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/prime-radiant/radiant/scaling"
)

// Admin serves what is asked by the cluster, by the scaler and by Prometheus:
// /healthz, /readyz, /scaling, /scaling/wakes and /metrics. ready reports what keeps
// it from being ready.
func (a *Activator) Admin(gatherer prometheus.Gatherer, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if a.draining.Load() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("GET "+scaling.PathReport, a.report)
	mux.Handle("GET "+scaling.PathWakes, a.wakes)
	mux.Handle("/metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}))
	return mux
}

// report tells where requests to which front are taken, and those that no pod has yet;
// of fronts that never had any it tells the port alone.
func (a *Activator) report(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	r := scaling.Report{Started: a.options.Process, Seconds: now.Sub(a.began).Seconds(), Fronts: map[string]scaling.Load{}, Ports: map[string]int32{}}
	for _, f := range a.all() {
		r.Ports[f.key] = int32(f.port) //nolint:gosec // It is a port.
		if l := f.held.LoadAt(now); l.Requests > 0 {
			r.Fronts[f.key] = l
		}
	}
	told, err := json.Marshal(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(told) // Who asked may have gone.
}
