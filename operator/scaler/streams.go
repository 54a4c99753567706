package scaler

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/prime-radiant/radiant/scaling"
)

// streams read what waits at activators.
type streams struct {
	log    logr.Logger
	client *http.Client
	wakes  chan scaling.Wake
	// ends stop the streams, by the activators' addresses.
	ends map[string]context.CancelFunc
	all  sync.WaitGroup
}

// mostWakes is how many wait to be done.
const mostWakes = 1024

// streamSilence is how long an activator may be silent.
const streamSilence = 45 * time.Second

func newStreams(log logr.Logger, c *http.Client) *streams {
	return &streams{log: log, client: c, wakes: make(chan scaling.Wake, mostWakes), ends: map[string]context.CancelFunc{}}
}

// follow reads the streams of these activators, and of no others.
func (s *streams) follow(ctx context.Context, activators []activator) {
	there := map[string]bool{}
	for _, a := range activators {
		url := a.url(scaling.PathWakes)
		there[url] = true
		if s.ends[url] != nil {
			continue
		}
		ctx, end := context.WithCancel(ctx)
		s.ends[url] = end
		s.all.Go(func() { s.keepReading(ctx, url) })
	}
	for url, end := range s.ends {
		if !there[url] {
			end()
			delete(s.ends, url)
		}
	}
}

// close ends all streams.
func (s *streams) close() {
	for _, end := range s.ends {
		end()
	}
	s.all.Wait()
}

// keepReading reads a stream, again and again, until ctx ends.
func (s *streams) keepReading(ctx context.Context, url string) {
	for ctx.Err() == nil {
		err := s.read(ctx, url)
		if ctx.Err() != nil {
			return
		}
		s.log.V(1).Info("an activator's stream has ended", "url", url, "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (s *streams) read(ctx context.Context, url string) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	silence := time.AfterFunc(streamSilence, end)
	defer silence.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		silence.Reset(streamSilence)
		var wake scaling.Wake
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &wake); err != nil {
			return err
		}
		select {
		case s.wakes <- wake:
		case <-ctx.Done():
		}
	}
	return lines.Err()
}
