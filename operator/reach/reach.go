// Package reach finds out whether requests reach deployments from outside: it
// asks where a way into the cluster takes requests, as a client would.
package reach

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/expand"
)

// Verdict is what came of asking.
type Verdict uint8

// The verdicts. Asking goes on as long as it is [Asking].
const (
	Asking Verdict = iota
	// Answered: each way leads to the deployment.
	Answered
	// Silent: one did not in the time that there was. It is asked on, at long
	// intervals.
	Silent
	// Unasked: one cannot be asked, so that a time was left to it.
	Unasked
	// half: REST is answered, and gRPC is not. It is never told: where that stays so for
	// a time, what was asked counts as answered.
	half
)

// Finding is a verdict, and in words what led to it.
type Finding struct {
	Verdict Verdict
	Said    string
}

// Subject is a deployment as it is to be reached.
type Subject struct {
	Name      types.NamespacedName
	Questions []expand.Question
	// Fronts are what serves its requests now. Each that is added has to be
	// learnt by gateways; one that goes does not.
	Fronts []string
}

// question tells whether the same is asked of two subjects.
func (s *Subject) question() string { return fmt.Sprintf("%+v", s.Questions) }

// Options are what an asker is made of.
type Options struct {
	// Targets says where a question of a deployment in a namespace is to be sent,
	// or why nobody knows.
	Targets func(ctx context.Context, namespace string, q expand.Question) ([]Target, error)
	// Changed is called with each deployment of which something else is found than
	// before. It may block until ctx ends.
	Changed func(ctx context.Context, deployment types.NamespacedName)
	// Timeout is how long a way may take to lead to a deployment, Settle how long
	// one gets that cannot be asked.
	Timeout, Settle time.Duration
}

const (
	// enough answers in a row, each on a connection of its own, count as one: a
	// gateway may be several, and a predictor one of several.
	enough = 5
	// between such answers, after one that is none, and after it was given up.
	breath = 50 * time.Millisecond
	pause  = 200 * time.Millisecond
	rest   = time.Minute
	// fresh is how long is believed where a question is to be sent.
	fresh = 2 * time.Second
	// atOnce is how many requests are under way at most.
	atOnce = 32
)

// Asker asks about deployments, without holding up who wants to know.
type Asker struct {
	options Options
	client  client
	slots   chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	entries map[types.NamespacedName]*entry
}

// entry is what is known of a deployment.
type entry struct {
	subject  Subject
	question string
	finding  Finding
	cancel   context.CancelFunc
}

// New makes an asker. It asks until Start has returned.
func New(o Options) *Asker {
	return &Asker{options: o, client: newClient(), slots: make(chan struct{}, atOnce), entries: map[types.NamespacedName]*entry{}}
}

// Start returns when ctx has ended and nothing is asked any more.
func (a *Asker) Start(ctx context.Context) error {
	<-ctx.Done()
	a.mu.Lock()
	a.stopped = true
	for _, e := range a.entries {
		e.cancel()
	}
	a.mu.Unlock()
	a.running.Wait()
	return nil
}

// Find returns what is known of a deployment, and begins to ask where that is
// about something else. What it returns does not change before Changed is called.
func (a *Asker) Find(s Subject) Finding {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[s.Name]
	question := s.question()
	if e != nil && e.question == question && !slices.ContainsFunc(s.Fronts, func(f string) bool { return !slices.Contains(e.subject.Fronts, f) }) {
		e.subject.Fronts = s.Fronts
		return e.finding
	}
	if e != nil {
		e.cancel()
	}
	ctx, cancel := context.WithCancel(context.Background()) // Whoever wants to know does not wait.
	e = &entry{subject: s, question: question, cancel: cancel}
	a.entries[s.Name] = e
	if a.stopped {
		cancel()
		return e.finding
	}
	a.running.Go(func() { a.work(ctx, e, s) })
	return e.finding
}

// Knows reports whether anything is known of a deployment.
func (a *Asker) Knows(deployment types.NamespacedName) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entries[deployment] != nil
}

// Believe takes over what somebody else has found, without asking.
func (a *Asker) Believe(s Subject, f Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[s.Name]; e != nil {
		e.cancel()
	}
	a.entries[s.Name] = &entry{subject: s, question: s.question(), finding: f, cancel: func() {}}
}

// Forget ends asking about a deployment.
func (a *Asker) Forget(deployment types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.entries[deployment]; e != nil {
		e.cancel()
		delete(a.entries, deployment)
	}
}

// work asks about a deployment until enough is known.
func (a *Asker) work(ctx context.Context, e *entry, s Subject) {
	began, told := time.Now(), false
	// goods are the last rounds in a row in which all was answered, rests those in which
	// REST was, since restSince.
	goods, rests, restSince := 0, 0, began
	round := round{asker: a, subject: s}
	for ctx.Err() == nil {
		wait := breath
		f := round.ask(ctx)
		switch f.Verdict {
		case Answered, half:
			if rests++; rests == 1 {
				restSince = time.Now()
			}
			if goods++; f.Verdict == half {
				goods, wait = 0, pause
			}
			if goods == enough || goods == 0 && rests >= enough && time.Since(restSince) >= a.options.Settle {
				a.tell(ctx, e, Finding{Answered, f.Said})
				return
			}
		default:
			goods, rests, wait = 0, 0, pause
			limit := a.options.Timeout
			if f.Verdict == Unasked {
				limit = a.options.Settle
			}
			if !told && time.Since(began) >= limit {
				a.tell(ctx, e, f)
				told = true
			}
			if told && f.Verdict == Unasked {
				return
			}
			if told {
				wait = rest
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// tell notes what was found of a deployment, unless that is no longer asked.
func (a *Asker) tell(ctx context.Context, e *entry, f Finding) {
	a.mu.Lock()
	current := a.entries[e.subject.Name] == e
	if current {
		e.finding = f
	}
	a.mu.Unlock()
	if current {
		a.options.Changed(ctx, e.subject.Name)
	}
}

// round asks all questions of a deployment once, again and again.
type round struct {
	asker   *Asker
	subject Subject
	// targets are those of all questions as of some time.
	targets []Target
	// unasked says why calls of gRPC are sent nowhere; empty: they are.
	unasked string
	at      time.Time
}

// lookUp finds out who is to be asked, if that is not known or was too long ago.
func (r *round) lookUp(ctx context.Context) error {
	if r.targets != nil && time.Since(r.at) <= fresh {
		return nil
	}
	r.targets, r.unasked, r.at = nil, "", time.Now()
	for _, q := range r.subject.Questions {
		some, err := r.asker.options.Targets(ctx, r.subject.Name.Namespace, q)
		if err != nil && q.GRPC {
			r.unasked = fmt.Sprintf("nobody is asked over gRPC: %v", err)
			continue
		}
		if err != nil {
			r.targets = nil
			return fmt.Errorf("%s: %w", q.Way, err)
		}
		r.targets = append(r.targets, some...)
	}
	return nil
}

// ask returns what came of it: what cannot be asked, or does not answer, counts
// before what does.
func (r *round) ask(ctx context.Context) Finding {
	if err := r.lookUp(ctx); err != nil {
		return Finding{Unasked, err.Error()}
	}
	select {
	case r.asker.slots <- struct{}{}:
	case <-ctx.Done():
		return Finding{Unasked, ctx.Err().Error()}
	}
	defer func() { <-r.asker.slots }()
	worst := Finding{Verdict: Answered}
	var said []string
	for _, t := range r.targets {
		f := r.asker.client.ask(ctx, t)
		switch {
		case f.Verdict == Answered:
			said = append(said, f.Said)
		case t.GRPC:
			said = append(said, f.Said)
			if worst.Verdict == Answered {
				worst = Finding{Verdict: half}
			}
		case f.Verdict == Silent || worst.Verdict == Answered || worst.Verdict == half:
			worst = f
		}
	}
	if r.unasked != "" {
		said = append(said, r.unasked)
		if worst.Verdict == Answered {
			worst.Verdict = half
		}
	}
	if worst.Verdict == Answered || worst.Verdict == half {
		worst.Said = strings.Join(said, ", ")
	}
	return worst
}
