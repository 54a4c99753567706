package predictor

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// ofOneRequest reports whether a header says how a request came, and by whose hands,
// so that nodes answer alike whatever it says. Over gRPC names are in lower case.
// Those by which a proxy says who asks, such as X-Forwarded-User and
// X-Forwarded-Client-Cert, are none of them.
func ofOneRequest(name string) bool {
	switch name = strings.ToLower(name); name {
	case "accept", "accept-encoding", "cache-control", "pragma", "user-agent", "date", "via", "forwarded",
		"seldon-puid", "seldon-skip-logging", "x-request-id", "x-correlation-id", "x-real-ip", "x-request-timeout-ms",
		"traceparent", "tracestate", "baggage", "b3", "uber-trace-id", "x-ot-span-context", "x-amzn-trace-id", "x-cloud-trace-context",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-scheme",
		"x-forwarded-ssl", "x-forwarded-by", "x-forwarded-server", "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri",
		"origin", "referer", ":authority":
		return true
	}
	for _, prefix := range [...]string{"x-b3-", "x-datadog-", "x-envoy-", "sec-", "grpc-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// setCookie is given to one client: an answer with it may be that client's own.
const setCookie = "set-cookie"

// ofAll is what an answer's header says to each of several requests: nothing that
// is one request's, such as a cookie or the id of another.
func ofAll(header map[string][]string) map[string][]string {
	header = maps.Clone(header)
	maps.DeleteFunc(header, func(name string, _ []string) bool {
		return strings.EqualFold(name, setCookie) || ofOneRequest(name) && !strings.EqualFold(name, "cache-control")
	})
	return header
}

// headers are what a request says besides its message, over each transport.
func (l *lane) headers(ctx context.Context, meta *message.Meta) map[string][]string {
	if l.transport == protocol.GRPC {
		md, _ := metadata.FromOutgoingContext(ctx)
		return md
	}
	return meta.Header.Fields()
}

// appendHeaders appends the headers by which a node may answer otherwise.
func appendHeaders(dst []byte, headers map[string][]string) []byte {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if ofOneRequest(name) {
			continue
		}
		dst = strconv.AppendQuote(dst, name)
		for _, value := range headers[name] {
			dst = append(strconv.AppendQuote(dst, value), ',')
		}
	}
	return dst
}

// appendModel appends what a request wants of the node.
func (l *lane) appendModel(dst []byte, meta *message.Meta) []byte {
	m := l.asked(meta)
	for _, text := range [...]string{m.Name, m.Version, m.Label, m.Verb} {
		dst = append(strconv.AppendQuote(dst, text), ',')
	}
	return dst
}

// together is the meta and the context of a call for several requests that are
// alike, of which first is one: what they say alike, the span of the first and, since
// there has to be one, its puid.
func (l *lane) together(ctx, first context.Context, meta *message.Meta) (context.Context, *message.Meta) {
	joined := *meta
	joined.Gzip, joined.Notes, joined.Outputs, joined.Lease = false, nil, nil, meta.Lease.Another()
	if _, ok := ctx.Deadline(); !ok {
		joined.Timeouts = nil
	}
	headers := map[string][]string{}
	for name, values := range l.headers(first, meta) {
		if !ofOneRequest(name) || strings.EqualFold(name, "seldon-puid") {
			headers[name] = slices.Clone(values)
		}
	}
	ctx = trace.ContextWithSpanContext(ctx, trace.SpanContextFromContext(first))
	if l.transport == protocol.GRPC {
		return metadata.NewOutgoingContext(ctx, headers), &joined
	}
	joined.Header = message.NewHeader(headers)
	return ctx, &joined
}
