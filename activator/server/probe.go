package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Probe is what a container is asked by.
type Probe struct {
	Port int32
	// Path is asked for over HTTP; empty: a connection is enough.
	Path string
	// TLS says that the container speaks it; its certificate is not looked at.
	TLS bool
}

// probeTime bounds one probe.
const probeTime = time.Second

// askPod asks a pod by its probes, one after the other; nil: it is ready.
func askPod(ctx context.Context, ip string, probes []Probe) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	for _, p := range probes {
		if err := p.ask(ctx, ip); err != nil {
			return err
		}
	}
	return nil
}

func (p Probe) ask(ctx context.Context, ip string) error {
	address := net.JoinHostPort(ip, strconv.Itoa(int(p.Port)))
	if p.Path == "" {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("asking port %d: %w", p.Port, err)
		}
		return conn.Close()
	}
	scheme := "http"
	if p.TLS {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+"/"+strings.TrimPrefix(p.Path, "/"), nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.Path, err)
	}
	r.Close = true
	client := http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // A kubelet does not look at the certificates of pods either.
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.Path, err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode >= 400 {
		return fmt.Errorf("%s of port %d answers %d", p.Path, p.Port, answer.StatusCode)
	}
	return nil
}
