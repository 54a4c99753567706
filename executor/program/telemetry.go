package program

import (
	"net/http"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/telemetry"
)

// newTelemetry makes telemetry of this predictor. Its registry takes the
// metrics of other parts, whether somebody can scrape them or not.
func newTelemetry(c *config.Config) *telemetry.Telemetry {
	return telemetry.New(telemetry.Options{
		Deployment: c.Deployment, Predictor: c.PredictorName, Version: c.Predictor.Version(), Images: c.Predictor.Images(),
	})
}

// observe shows the work of a server and of its predictor to telemetry.
func observe(t *telemetry.Telemetry, path string, p *predictor.Options, s *server.Options) {
	if path == "" {
		return
	}
	p.Observe = func(k predictor.CallKind) predictor.Observer { return t.Calls(telemetry.Call(k)) }
	s.Observe = func(transport protocol.Transport, service, method string) server.Observer {
		return t.Requests(transport, service, method)
	}
	s.Pages = map[string]http.Handler{path: t.Handler()}
}
