package program

import (
	"crypto/tls"
	"log/slog"

	"github.com/prime-radiant/radiant/executor/certificate"
	"github.com/prime-radiant/radiant/executor/config"
)

// listenerPair is the certificate of the listeners; nil: they speak without
// TLS.
func listenerPair(c *config.Config, log *slog.Logger) (*certificate.Pair, error) {
	if c.TLS.CertFile == "" {
		return nil, nil
	}
	return certificate.LoadPair(c.TLS.CertFile, c.TLS.KeyFile, warner(log))
}

// nodeTLS is how nodes with endpoint.tls are connected to.
func nodeTLS(c *config.Config, log *slog.Logger) (*tls.Config, error) {
	var authority *certificate.Authority
	var own *certificate.Pair
	var err error
	if c.TLS.CAFile != "" {
		if authority, err = certificate.LoadAuthority(c.TLS.CAFile, warner(log)); err != nil {
			return nil, err
		}
	}
	if c.TLS.NodeCertFile != "" {
		if own, err = certificate.LoadPair(c.TLS.NodeCertFile, c.TLS.NodeKeyFile, warner(log)); err != nil {
			return nil, err
		}
	}
	return certificate.Client(authority, own), nil
}

func warner(log *slog.Logger) func(error) {
	return func(err error) { log.Warn("certificate", "error", err.Error()) }
}
