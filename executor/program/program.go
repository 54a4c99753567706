// Package program puts the parts of the executor together.
package program

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/logqueue"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// Run serves until ctx ends, and logs JSON lines to out. listening, if not nil,
// is called once with the addresses of both listeners.
func Run(ctx context.Context, c *config.Config, out io.Writer, listening func(rest, grpc string)) error {
	lines := logqueue.New(out)
	defer lines.Close()
	log := slog.New(slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: c.Level()}))
	outside, err := protocol.Lookup(c.Protocol)
	if err != nil {
		return err
	}
	nodes, err := nodeTLS(c, log)
	if err != nil {
		return err
	}
	tel := newTelemetry(c, log)
	defer closing(ctx, tel, c, log)()
	budget, regions := messageMemory(ctx, c)
	counts := newCounts(budget, lines)
	counts.register(tel.Registerer())
	passing := server.NewPassing(c.AnswerHeaders)
	restCalls := upstream.NewHTTP(upstream.Options{
		Timeout: c.RESTTimeout, MaxResponseBytes: c.MaxResponseBytes, TLS: nodes, Resent: counts.resent.Inc, Passes: passes(&passing, &c.Predictor.Graph),
	})
	defer restCalls.Close()
	grpcCalls := upstream.NewGRPC(upstream.Options{Budget: budget, Timeout: c.GRPCTimeout, MaxResponseBytes: c.MaxResponseBytes, TLS: nodes})
	defer func() { _ = grpcCalls.Close() }()
	walk := walkOptions(c, outside)
	walk.REST, walk.GRPC, walk.TLS, walk.Log = restCalls, grpcCalls, nodes, log
	options := serverOptions(c, outside, log)
	options.Budget, options.Regions, options.Slow = budget, regions, counts.slow.Inc
	if err := meters(&walk, tel); err != nil {
		return err
	}
	if walk.Nodes, err = nodeWorld(c, nodes, tel.Registerer(), log); err != nil {
		return err
	}
	logged, err := logPayloads(c, &walk, tel.Registerer(), log)
	if err != nil {
		return err
	}
	defer logged()
	observe(tel, c.Telemetry.PrometheusPath, &walk, &options)
	gate, err := admit(c, &walk, &options, tel.Registerer())
	if err != nil {
		return err
	}
	logAccess(c.AccessLog, &options)
	p, err := predictor.New(walk)
	if err != nil {
		return err
	}
	followVersions(ctx, c, p, log)
	if err := showRefreshed(ctx, c, tel, p, &options); err != nil {
		return err
	}
	showNodes(&walk.Nodes, &options)
	walk.Nodes.State.Start()
	defer walk.Nodes.State.Close()
	options.Engine, options.Docs, options.Prediction = behind(gate, p), docs(c, p, outside), openapi.PredictionPath(p.Outline())
	if options.TLS, err = listenerPair(c, log); err != nil {
		return err
	}
	records, err := kafkaServer(c, p, &options, tel.Registerer())
	if err != nil {
		return err
	}
	s, err := server.Listen(c.HTTPPort, c.GRPCPort, options)
	if err != nil {
		return err
	}
	rest, grpc := s.Addresses()
	log.Info("serving", "predictor", c.Predictor.Name, "protocol", outside.Name, "rest", rest, "grpc", grpc, "settings", c.String())
	if listening != nil {
		listening(rest, grpc)
	}
	return serveAll(ctx, s, records)
}

// walkOptions are those that the settings give.
func walkOptions(c *config.Config, outside *protocol.Protocol) predictor.Options {
	return predictor.Options{
		Name:          c.Predictor.Name,
		Graph:         &c.Predictor.Graph,
		Outside:       outside,
		Random:        rand.Float64,
		TellRoutes:    c.TellRoutes,
		InjectRouting: c.InjectRouting, MergeMeta: c.MergeMeta,
		V1:               c.V1,
		Repository:       predictor.RepositoryAccess{Index: c.Repository != "none", Load: c.Repository == "all"},
		MaxInFlight:      c.InFlight.Most,
		MaxWaiting:       c.InFlight.Waiting,
		FullHealthChecks: c.FullHealthChecks, Hints: hints(c),
	}
}

// serverOptions are those that the settings give.
func serverOptions(c *config.Config, outside *protocol.Protocol, log *slog.Logger) server.Options {
	o := server.Options{
		Protocol:   outside,
		Deployment: c.Deployment, Namespace: c.Namespace,
		Host:        c.Host,
		CORSOrigins: c.CORSOrigins, CORSHeaders: c.CORSHeaders,
		MaxRequestBytes: c.MaxRequestBytes, MaxGRPCBytes: c.MaxRequestBytes,
		MaxHeaderBytes: c.MaxHeaderBytes, MaxStreams: c.MaxStreams, LeastRate: c.LeastRate,
		OnePort: c.OnePort, V1: c.V1,
		AnswerHeaders: server.NewPassing(c.AnswerHeaders),
		NewPuid:       new(puids).next,
		Log:           log,
		ShutdownDelay: c.ShutdownDelay, GracefulTimeout: c.GracefulTimeout,
	}
	if c.TellRoutes {
		o.Predictor = c.Predictor.Name
	}
	if c.GRPCMaxMessageBytes > 0 {
		o.MaxGRPCBytes = int64(c.GRPCMaxMessageBytes)
	}
	return o
}
