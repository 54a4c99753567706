package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves reviews over TLS, on every replica.
type Server struct {
	Rotator *Rotator
	Handler http.Handler
	// Listen opens the socket.
	Listen func() (net.Listener, error)
	// Interval is how often the certificate is looked after.
	Interval time.Duration
	Log      *slog.Logger
}

const (
	// retry is the time between attempts before there is a certificate.
	retry = time.Second
	// timeout bounds reading of a request and sending of its answer. The API
	// server waits for 10 s by default and for 30 s at most.
	timeout = 30 * time.Second
	// drain bounds the answering of what is under way at the end.
	drain = 10 * time.Second
)

// NeedLeaderElection tells the manager that every replica serves.
func (*Server) NeedLeaderElection() bool { return false }

// Ready fails while there is no certificate to serve with.
func (s *Server) Ready(*http.Request) error {
	_, err := s.Rotator.Certificate(nil)
	return err
}

// Start serves until ctx ends.
func (s *Server) Start(ctx context.Context) error {
	listener, err := s.Listen()
	if err != nil {
		return fmt.Errorf("serving the webhook: %w", err)
	}
	server := &http.Server{
		Handler:           s.Handler,
		ReadHeaderTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout,
		ErrorLog:  slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: s.Rotator.Certificate},
	}
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	go s.renew(renewing)
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-served:
		return fmt.Errorf("serving the webhook: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping the webhook: %w", err)
	}
	return nil
}

// renew looks after the certificate until ctx ends. A failure is logged: what
// was served before is served on.
func (s *Server) renew(ctx context.Context) {
	for {
		wait := s.Interval
		if err := s.Rotator.Sync(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("the webhook's certificate was not looked after", "error", err)
			if s.Ready(nil) != nil {
				wait = min(wait, retry)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
