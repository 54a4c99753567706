package payloadlog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// httpSink posts events in the binary mode of CloudEvents: attributes as
// headers, the payload as body.
type httpSink struct{ client http.Client }

// idlePerCollector keeps a connection for each of many workers.
const idlePerCollector = 64

func newHTTPSink() *httpSink {
	return &httpSink{http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: idlePerCollector, IdleConnTimeout: 60 * time.Second},
		// A payload goes to the configured collector and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (s *httpSink) close() { s.client.CloseIdleConnections() }

// Send posts to the URL of the event's node.
func (s *httpSink) Send(ctx context.Context, e *Event, attributes []Attribute) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.node.url, bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	for _, a := range attributes {
		r.Header.Set("Ce-"+a.Name, a.Value)
	}
	for _, h := range []struct{ name, value string }{{"Content-Type", e.ContentType}, {"Content-Encoding", e.Encoding}} {
		if h.value != "" {
			r.Header.Set(h.name, h.value)
		}
	}
	if e.JSONLength > 0 {
		r.Header.Set("Inference-Header-Content-Length", strconv.Itoa(e.JSONLength))
	}
	answer, err := s.client.Do(r)
	if err != nil && ctx.Err() == nil {
		// The collector may have closed a connection that was just used again. An
		// event may come twice, with the same id, and no more often.
		r.Body = io.NopCloser(bytes.NewReader(e.Body))
		answer, err = s.client.Do(r)
	}
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %s", answer.Status)
	}
	return nil
}
