package program

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/telemetry"
)

// newTelemetry makes telemetry of this predictor. Its registry takes the
// metrics of other parts, whether somebody can scrape them or not. What is
// wrong with tracing is logged: it is no reason not to serve.
func newTelemetry(c *config.Config, log *slog.Logger) *telemetry.Telemetry {
	for _, warning := range c.Telemetry.Tracing.Warnings {
		log.Warn("tracing: " + warning)
	}
	t, err := telemetry.New(telemetry.Options{
		Deployment: c.Deployment, Namespace: c.Namespace, Predictor: c.PredictorName, Version: c.Predictor.Version(),
		Images: c.Predictor.Images(), Components: c.Telemetry.ComponentMetrics, Tracing: &c.Telemetry.Tracing, Log: log,
	})
	if err != nil {
		log.Warn("there are no traces", "error", err.Error())
	}
	return t
}

// closing returns what closes telemetry at the end. It has what is then left
// of the time that requests had to finish, and one second at least.
func closing(ctx context.Context, t *telemetry.Telemetry, c *config.Config, log *slog.Logger) func() {
	var stopped atomic.Pointer[time.Time]
	context.AfterFunc(ctx, func() { stopped.Store(new(time.Now())) })
	return func() {
		end := time.Now().Add(c.GracefulTimeout)
		if at := stopped.Load(); at != nil {
			end = at.Add(c.ShutdownDelay + c.GracefulTimeout)
		}
		left, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(time.Until(end), time.Second))
		defer cancel()
		if err := t.Close(left); err != nil {
			log.Warn("traces are lost", "error", err.Error())
		}
	}
}

// meters makes the metrics of what predictors decide.
func meters(p *predictor.Options, t *telemetry.Telemetry) (err error) {
	if p.Meters, err = policy.NewMeters(t.Registerer()); err != nil {
		return err
	}
	p.Versions, err = t.Versions()
	return err
}

// addPage has a server answer at one more path.
func addPage(s *server.Options, path string, page http.Handler) {
	if s.Pages == nil {
		s.Pages = map[string]http.Handler{}
	}
	s.Pages[path] = page
}

// observe shows the work of a server and of its predictor to telemetry.
func observe(t *telemetry.Telemetry, path string, p *predictor.Options, s *server.Options) {
	if path != "" {
		addPage(s, path, t.Handler())
	}
	if path == "" && !t.Traces() {
		return
	}
	if t.Traces() {
		s.Trace = telemetry.TraceID
	}
	p.Observe = func(k predictor.CallLabels) predictor.Observer { return t.Calls(telemetry.Call(k)) }
	s.Observe = func(transport protocol.Transport, service, method string) server.Observer {
		return t.Requests(transport, service, method)
	}
}
