package program

import (
	"crypto/tls"
	"log/slog"

	"github.com/prime-radiant/radiant/executor/certificate"
	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/kafka"
)

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
