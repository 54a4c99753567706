// Package peers asks the other replicas of a predictor over HTTP.
package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// timeout bounds one answer, and the look-up of a name.
	timeout = 2 * time.Second
	// maxBytes bounds an answer, and maxHead what stands before it.
	maxBytes = 4 << 20
	maxHead  = 64 << 10
	// mostAsked bounds the replicas of a name that are asked; the next time the next
	// ones are. mostAtOnce are under way together.
	mostAsked  = 32
	mostAtOnce = 8
)

// Peers are where other replicas are. Nil Peers are none.
type Peers struct {
	places []*place
}

// place is a name that leads to replicas, on one port.
type place struct {
	scheme, host, port string
	client             http.Client
	asked              atomic.Uint64
}

// New reads host:port, separated by commas, each with https:// before it if it
// speaks TLS, which settings are for. A host with several addresses is as many
// replicas; it may be that of this one too. An empty list makes nil.
func New(list string, settings *tls.Config) (*Peers, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	p := &Peers{}
	for text := range strings.SplitSeq(list, ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Port() == "" || u.Path != "" {
			return nil, fmt.Errorf("%q is no host:port, or https://host:port", text)
		}
		secure := &tls.Config{MinVersion: tls.VersionTLS12}
		if settings != nil {
			secure = settings.Clone()
		}
		secure.ServerName = u.Hostname()
		p.places = append(p.places, &place{scheme: u.Scheme, host: u.Hostname(), port: u.Port(), client: http.Client{
			Timeout: timeout,
			Transport: &http.Transport{
				TLSClientConfig: secure, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: maxHead,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}})
	}
	return p, nil
}

// Ask gets a path of each replica, and hands what they answer to take, one at a
// time. Its error says which of them did not answer.
func (p *Peers) Ask(ctx context.Context, path string, take func(body []byte)) error {
	if p == nil {
		return nil
	}
	var mu sync.Mutex
	var errs []error
	var asking sync.WaitGroup
	room := make(chan struct{}, mostAtOnce)
	for _, at := range p.places {
		addresses, err := at.addresses(ctx)
		if err != nil {
			errs = append(errs, err)
		}
		for _, address := range addresses {
			room <- struct{}{}
			asking.Go(func() {
				defer func() { <-room }()
				body, err := at.get(ctx, address, path)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, fmt.Errorf("%s (%s): %w", at.host, address, err))
					return
				}
				take(body)
			})
		}
	}
	asking.Wait()
	return errors.Join(errs...)
}

// addresses are those to ask this time.
func (l *place) addresses(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	all, err := net.DefaultResolver.LookupHost(ctx, l.host)
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		return nil, nil // So it is with a headless Service of which no pod is ready.
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(all)
	if len(all) <= mostAsked {
		return all, nil
	}
	from := int(l.asked.Add(1) % uint64(len(all)) * mostAsked % uint64(len(all))) //nolint:gosec // it is an index
	return append(all[from:], all[:from]...)[:mostAsked], nil
}

func (l *place) get(ctx context.Context, address, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.scheme+"://"+net.JoinHostPort(address, l.port)+path, nil)
	if err != nil {
		return nil, err
	}
	r.Host = net.JoinHostPort(l.host, l.port)
	answer, err := l.client.Do(r)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err
		}
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxBytes+1))
	if err == nil && len(body) > maxBytes {
		err = fmt.Errorf("its answer has more than %d bytes", maxBytes)
	}
	return body, err
}
