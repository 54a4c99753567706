package telemetry

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// gauges are metrics that Seldon Core v1 does not have.
type gauges struct {
	server, client *prometheus.GaugeVec
	errors         *prometheus.CounterVec
}

func newGauges() gauges {
	server, client := serverLabels(), clientLabels()
	server, client = server[:len(server)-1], client[:len(client)-1]
	return gauges{
		server: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "radiant_executor_server_requests_in_flight",
			Help: "Requests of clients that are being answered",
		}, server),
		client: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "radiant_executor_client_requests_in_flight",
			Help: "Calls on nodes that are waited for",
		}, client),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "radiant_executor_client_errors_total",
			Help: "Calls on nodes that failed, by reason; those without an answer are counted here alone",
		}, append(client[:len(client):len(client)], "reason")),
	}
}

// Requests sees the requests of clients to one service go by.
type Requests struct {
	outcomes *outcomes
	inFlight prometheus.Gauge
	spans    *spans
}

// Requests makes an observer of a service: a word for what a REST operation does,
// or a full gRPC method. method is that of HTTP, or "unary".
func (t *Telemetry) Requests(transport protocol.Transport, service, method string) *Requests {
	method = strings.ToLower(method)
	return &Requests{
		outcomes: t.server.outcomes(codeNames[transport], service, method),
		inFlight: t.gauges.server.WithLabelValues(service, method),
		spans:    t.tracer.spans(transport, trace.SpanKindServer, service),
	}
}

// Begin is told of a request before it is answered, and returns the context
// that it is answered in. header is that of a REST request.
func (r *Requests) Begin(ctx context.Context, puid string, header *message.Header) context.Context {
	r.inFlight.Inc()
	if r.spans != nil {
		ctx = r.spans.request(ctx, puid, header)
	}
	return ctx
}

// End is told of a request that began at start and was answered by a status of
// HTTP or a code of gRPC. ctx is that of Begin.
func (r *Requests) End(ctx context.Context, start time.Time, code int) {
	r.inFlight.Dec()
	r.outcomes.observe(start, code)
	if r.spans != nil {
		r.spans.answered(ctx, code)
	}
}

// codeNames write the code of an answer, by transport.
var codeNames = [...]func(code int) string{
	protocol.REST: strconv.Itoa,
	protocol.GRPC: func(code int) string { return codes.Code(code).String() },
}
