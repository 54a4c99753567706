package program

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/executor/certificate"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/kafka"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/server"
)

// kafkaServer serves records of a topic, if that is wanted; nil: it is not.
func kafkaServer(c *config.Config, engine kafka.Engine, o *server.Options, r prometheus.Registerer) (*kafka.Server, error) {
	if !c.Kafka.Serve {
		return nil, nil
	}
	connection, err := kafkaConnection(c.Kafka.Brokers, &c.KafkaSecurity, o.Log)
	if err != nil {
		return nil, err
	}
	transport, method := protocol.REST, "post"
	if c.Transport == "grpc" {
		transport, method = protocol.GRPC, "unary"
	}
	options := kafka.Options{
		Connection: connection, Engine: engine, Protocol: o.Protocol, Transport: transport,
		Group: c.PredictorName + "." + c.Deployment + "." + c.Namespace,
		Input: c.Kafka.Input, Output: c.Kafka.Output, Errors: c.Kafka.Errors,
		Workers: c.Kafka.Workers, AutoCommit: c.Kafka.AutoCommit,
		MaxRequestBytes: c.MaxRequestBytes, GracefulTimeout: c.GracefulTimeout,
		NewPuid: new(puids).next, Metrics: r, Log: o.Log,
	}
	if o.Observe != nil {
		options.Observer = o.Observe(transport, "kafka", method)
	}
	return kafka.New(options)
}

// serveAll runs the listeners, and the consumer if there is one, until ctx ends
// or the listeners fail.
func serveAll(ctx context.Context, s *server.Server, records *kafka.Server) error {
	if records == nil {
		return s.Run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- records.Run(ctx) }()
	err := s.Run(ctx)
	stop()
	return errors.Join(err, <-done)
}

// kafkaConnection is how these brokers are reached.
func kafkaConnection(brokers []string, s *config.KafkaSecurity, log *slog.Logger) (kafka.Connection, error) {
	c := kafka.Connection{Brokers: brokers}
	var err error
	if s.TLS {
		if c.TLS, err = kafkaTLS(s, log); err != nil {
			return c, err
		}
	}
	if s.SASL {
		c.SASL = &kafka.SASL{Mechanism: s.Mechanism, Username: s.Username, Password: string(s.Password)}
	}
	return c, nil
}

func kafkaTLS(s *config.KafkaSecurity, log *slog.Logger) (func() *tls.Config, error) {
	var authority *certificate.Authority
	var own *certificate.Pair
	var err error
	if !s.CA.Empty() {
		if authority, err = certificate.NewAuthority(s.CA, warner(log)); err != nil {
			return nil, err
		}
	}
	if !s.Cert.Empty() {
		if own, err = certificate.NewPair(s.Cert, s.Key, string(s.KeyPassword), warner(log)); err != nil {
			return nil, err
		}
	}
	return certificate.Fresh(authority, own), nil
}
