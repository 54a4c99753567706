// Package kafka serves a predictor from a topic: records are consumed, walked
// through the graph and answered on another topic.
package kafka

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Connection is how brokers are reached.
type Connection struct {
	// Brokers are host:port, of which some suffice to learn of the others.
	Brokers []string
	// TLS makes the settings of a connection; nil: without TLS.
	TLS func() *tls.Config
	// SASL says who we are; nil: nobody in particular.
	SASL *SASL
}

// SASL is a name and its password.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism          string
	Username, Password string
}

// dialTimeout bounds the opening of a connection.
const dialTimeout = 10 * time.Second

// Options are those of a client that connects this way.
func (c *Connection) Options() []kgo.Opt {
	o := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ClientID("radiant-executor"), kgo.Dialer(c.dial)}
	if c.SASL != nil {
		o = append(o, kgo.SASL(c.SASL.mechanism()))
	}
	return o
}

// dial opens a connection whose certificates are those of this moment.
func (c *Connection) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if c.TLS == nil {
		return dialer.DialContext(ctx, network, address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: c.TLS()}).DialContext(ctx, network, address)
}

func (s *SASL) mechanism() sasl.Mechanism {
	secret := scram.Auth{User: s.Username, Pass: s.Password}
	switch s.Mechanism {
	case "SCRAM-SHA-256":
		return secret.AsSha256Mechanism()
	case "SCRAM-SHA-512":
		return secret.AsSha512Mechanism()
	}
	return plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
}
