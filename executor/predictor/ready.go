package predictor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// probeTimeout bounds a probe whose caller sets no bound of its own. A server
// that works on a long prediction may be slow to say that it is healthy, and
// is not to be taken out for that.
const probeTimeout = 30 * time.Second

// prober asks nodes whether they are there.
type prober struct {
	full   bool
	dialer net.Dialer
	client http.Client
}

func newProber(full bool, secure *tls.Config) *prober {
	return &prober{full: full, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, TLSClientConfig: secure}}}
}

// Ready reports what keeps the predictor from serving: all nodes that have a
// host and a service_port must take a connection, or answer the health path
// of their protocol if full health checks are wanted and the port is not one
// of gRPC. Nodes are asked at once.
func (p *Predictor) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return errors.Join(together(len(p.nodes), func(i int) error { return p.nodeReady(ctx, i, p.probe.full) })...)
}

// NodeReady reports what keeps a node from serving. It is asked by the health path of its
// protocol, as far as it has that.
func (p *Predictor) NodeReady(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	for i := range p.nodes {
		if p.nodes[i].name == name {
			return p.nodeReady(ctx, i, true)
		}
	}
	return fmt.Errorf("there is no node %q", name)
}

func (p *Predictor) nodeReady(ctx context.Context, i int, full bool) error {
	s := &p.plan.Steps[i]
	e := s.Node.Endpoint
	if s.Builtin != graph.NotBuiltin || e == nil || e.ServiceHost == "" || e.ServicePort <= 0 {
		return nil
	}
	address := net.JoinHostPort(e.ServiceHost, strconv.Itoa(int(e.ServicePort)))
	health := p.nodes[i].speaks.Health
	if e.ServicePort == e.GRPCPort && e.ServicePort != e.HTTPPort {
		health = ""
	}
	scheme := "http://"
	if e.TLS {
		scheme = "https://"
	}
	if err := p.probe.node(ctx, address, scheme, health, full); err != nil {
		return fmt.Errorf("node %q is not ready: %w", s.Name, err)
	}
	return nil
}

func (p *prober) node(ctx context.Context, address, scheme, health string, full bool) error {
	if !full || health == "" {
		conn, err := p.dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+health, nil)
	if err != nil {
		return err
	}
	answer, err := p.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		if !p.full {
			return nil // It has no such path, and takes connections.
		}
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", health, answer.Status)
	}
	return nil
}
