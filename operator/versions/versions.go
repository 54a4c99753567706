// Package versions asks executors what becomes of the versions of models that are looked
// for while their servers run.
//
// Each pod is asked again and again, and answers without a body while nothing has changed.
// One operator of several asks: the leader.
package versions

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/scrape"
)

const (
	// every is the time between two questions to a pod.
	every = 10 * time.Second
	// mostAnswer is how many bytes an answer may have.
	mostAnswer = 1 << 20
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
	Dial scrape.Dial
}

// Asker asks.
type Asker struct {
	options Options
	client  *scrape.Client
	rounds  *scrape.Rounds
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
	return &Asker{
		options: o, client: scrape.New(o.Dial, connectionsStay*o.Every), rounds: scrape.NewRounds(atOnce, scrape.MostSilent),
		pods: map[types.UID]answer{}, known: map[types.NamespacedName][]Told{},
	}
}

// connectionsStay is how many times that between two questions connections are kept.
const connectionsStay = 3

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
	questions := make([]scrape.Question, len(targets))
	for i, t := range targets {
		last := a.pods[t.Pod]
		answers[i] = last // One that does not answer is taken to be as it was.
		questions[i] = scrape.Question{
			URL: t.URL,
			Ask: func(ctx context.Context) (func(), error) {
				next, err := a.ask(ctx, t.URL, last)
				return func() { answers[i] = next }, err
			},
			Unread: func(err error) {
				a.options.Log.Error(err, "what a pod says of versions of models is left out of the status, which says what was known before",
					"namespace", t.Deployment.Namespace, "seldondeployment", t.Deployment.Name, "predictor", t.Predictor)
			},
		}
	}
	a.rounds.Round(ctx, questions)
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

// ask asks one pod, and returns the last answer of one that has nothing new to say.
func (a *Asker) ask(ctx context.Context, url string, last answer) (answer, error) {
	next := answer{report: &discovery.Report{}}
	etag, err := a.client.Read(ctx, url, last.etag, mostAnswer, next.report)
	if err != nil || last.etag != "" && etag == last.etag {
		return last, err // It may be starting or ending.
	}
	next.etag = etag
	return next, nil
}
