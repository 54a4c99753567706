package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// watchedExporter counts what it sends, and tells the log when it cannot.
type watchedExporter struct {
	sdk.SpanExporter
	log          *slog.Logger
	sent, failed prometheus.Counter
	// logged is when a failure was logged last. Exports do not overlap.
	logged time.Time
}

// tellEvery keeps a collector that is down from filling the log.
const tellEvery = time.Minute

// ExportSpans is that of [sdk.SpanExporter].
func (e *watchedExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		e.sent.Add(float64(len(spans)))
		return nil
	}
	e.failed.Add(float64(len(spans)))
	if now := time.Now(); now.Sub(e.logged) >= tellEvery {
		e.logged = now
		e.log.Warn("traces cannot be sent", "spans", len(spans), "error", err.Error())
	}
	// Nobody else needs to know: the SDK would write it to the standard error.
	return nil
}
