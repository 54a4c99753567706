package program

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/payloadlog"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/graph"
)

// findings sends what built-in nodes find as events of the payload log.
type findings struct{ node *payloadlog.Node }

// Found is that of builtin.Reporter.
func (f findings) Found(what builtin.Finding, call, puid string, body []byte) {
	event := payloadlog.Outlier
	if what == builtin.FoundDrift {
		event = payloadlog.Drift
	}
	f.node.Found(event, call, puid, body)
}

// logPayloads starts the payload log, if a node has a logger or tells of what it
// finds, and returns what sends the rest of it at the end.
func logPayloads(c *config.Config, p *predictor.Options, r prometheus.Registerer, log *slog.Logger) (func(), error) {
	wanted := false
	c.Predictor.Graph.Walk(func(_ string, n *graph.Node) {
		wanted = wanted || n.Logger != nil || graph.BuiltinOf(n.Implementation) != graph.NotBuiltin && n.Setting(graph.EventsParameter) != ""
	})
	if !wanted {
		return func() {}, nil
	}
	o := payloadlog.Options{
		Deployment: c.Deployment, Namespace: c.Namespace, Predictor: c.PredictorName, Protocol: c.Protocol,
		Source:   fmt.Sprintf("http://%s:%d/", c.PayloadLog.Hostname, c.HTTPPort),
		Endpoint: c.PayloadLog.Endpoint,
		Workers:  c.PayloadLog.Workers, MaxEvents: c.PayloadLog.Events, MaxBytes: c.PayloadLog.Bytes,
		NewID: new(puids).next, Registry: r, Log: log,
	}
	if c.PayloadLog.Broker != "" {
		connection, err := kafkaConnection(c.PayloadLog.Brokers(), &c.KafkaSecurity, log)
		if err != nil {
			return nil, err
		}
		if o.Sink, err = payloadlog.NewKafka(&connection, c.PayloadLog.Topic); err != nil {
			return nil, err
		}
	}
	l, err := payloadlog.New(o)
	if err != nil {
		return nil, err
	}
	p.Payloads = func(n *graph.Node) (predictor.Payloads, error) { return l.Node(n) }
	p.Nodes.Reporter = func(node, to string) (builtin.Reporter, error) {
		n, err := l.Findings(node, to)
		return findings{n}, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), lastEvents)
		defer cancel()
		l.Close(ctx)
	}, nil
}

// lastEvents is the time for what is queued when requests have ended.
const lastEvents = 5 * time.Second
