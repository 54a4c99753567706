// Package versions asks executors what becomes of the versions of models that are looked
// for while their servers run.
//
// Each pod is asked again and again, and answers without a body while nothing has changed.
// One operator of several asks: the leader.
package versions

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/discovery"
)

const (
	// every is the time between two questions to a pod.
	every = 10 * time.Second
	// answerWithin is how long an answer may take, and mostAnswer how many bytes it may
	// have.
	answerWithin = time.Second
	mostAnswer   = 1 << 20
	// atOnce is how many pods are asked at once.
	atOnce = 16
)

// Target is a pod whose executor is asked.
type Target struct {
	Deployment types.NamespacedName
	// Predictor is its name in the deployment.
	Predictor string
	Pod       types.UID
	URL       string
}

// Told is what one pod of a predictor says.
type Told struct {
	Predictor string
	discovery.Report
}

// Options are all that an [Asker] depends on.
type Options struct {
	// Targets are the pods to be asked now.
	Targets func(context.Context) ([]Target, error)
	// Changed is told of a deployment of which something else is known than before.
	Changed func(context.Context, types.NamespacedName)
	Log     logr.Logger
	// Every is the time between two questions; 0: ten seconds.
	Every time.Duration
	// Dial connects to executors; nil: as the system does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Asker asks.
type Asker struct {
	options Options
	client  *http.Client
	// pods are the last answers. Only Start uses them.
	pods map[types.UID]answer

	mu    sync.Mutex
	known map[types.NamespacedName][]Told
}

// answer is the last one of a pod; the zero value is none.
type answer struct {
	etag   string
	report *discovery.Report
}

// New makes an asker, which asks from Start on.
func New(o Options) *Asker {
	if o.Every == 0 {
		o.Every = every
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: answerWithin}).DialContext
	}
	return &Asker{options: o, pods: map[types.UID]answer{}, known: map[types.NamespacedName][]Told{}, client: &http.Client{
		// An executor leads nowhere else, and whoever took its place must not send the operator to others.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			// Nothing is told, and a certificate for the name by which clients come is right
			// for no pod's address.
			TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // See above.
			MaxIdleConnsPerHost: 1, IdleConnTimeout: 3 * o.Every, DialContext: o.Dial,
		},
	}}
}

// Known is what the pods of a deployment said last; false: none has answered yet.
func (a *Asker) Known(deployment types.NamespacedName) ([]Told, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	told, ok := a.known[deployment]
	return told, ok
}

// Start asks until ctx ends.
func (a *Asker) Start(ctx context.Context) error {
	ticker := time.NewTicker(a.options.Every)
	defer ticker.Stop()
	for {
		a.round(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// round asks each pod once.
func (a *Asker) round(ctx context.Context) {
	targets, err := a.options.Targets(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.options.Log.Error(err, "pods that know of versions of models cannot be listed")
		}
		return
	}
	slices.SortFunc(targets, func(x, y Target) int { return strings.Compare(string(x.Pod), string(y.Pod)) })
	answers := make([]answer, len(targets))
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i, t := range targets {
		last := a.pods[t.Pod]
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			answers[i] = a.ask(ctx, t.URL, last)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return
	}
	clear(a.pods)
	now := map[types.NamespacedName][]Told{}
	for i, t := range targets {
		a.pods[t.Pod] = answers[i]
		if r := answers[i].report; r != nil {
			now[t.Deployment] = append(now[t.Deployment], Told{t.Predictor, *r})
		}
	}
	for _, name := range a.learn(now) {
		a.options.Changed(ctx, name)
	}
}

// learn takes what is known now, and returns the deployments of which that is something
// else than before.
func (a *Asker) learn(now map[types.NamespacedName][]Told) (changed []types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, told := range now {
		if !reflect.DeepEqual(told, a.known[name]) {
			changed = append(changed, name)
		}
	}
	a.known = now
	return changed
}

// ask asks one pod. One that does not answer is taken to be as it was.
func (a *Asker) ask(ctx context.Context, url string, last answer) answer {
	next, err := a.get(ctx, url, last)
	if err != nil {
		return last // It may be starting or ending.
	}
	return next
}

func (a *Asker) get(ctx context.Context, url string, last answer) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return last, err
	}
	if last.etag != "" {
		request.Header.Set("If-None-Match", last.etag)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return last, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusNotModified:
		return last, nil
	case http.StatusOK:
	default:
		return last, fmt.Errorf("%s answered %s", url, response.Status)
	}
	next := answer{etag: response.Header.Get("ETag"), report: &discovery.Report{}}
	return next, json.NewDecoder(io.LimitReader(response.Body, mostAnswer)).Decode(next.report)
}
