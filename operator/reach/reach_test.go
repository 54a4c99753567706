package reach

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/scaling"
)

// gateway is a server whose answer has a status, and an asker that asks there.
type gateway struct {
	*testing.T
	asker   *Asker
	status  atomic.Int32
	asked   atomic.Int32
	changed chan types.NamespacedName
	// lost says why nobody knows where it is.
	lost atomic.Pointer[error]
}

func newGateway(t *testing.T, timeout, settle time.Duration) *gateway {
	t.Helper()
	g := &gateway{T: t, changed: make(chan types.NamespacedName, 10)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		if r.Host != "models.example.com" || r.URL.Path != "/seldon/a/b/ready" || r.Header.Get("team") != "blue" || r.Header.Get(scaling.HeaderReach) == "" {
			t.Errorf("asked for %s %s with %v", r.Host, r.URL, r.Header)
		}
		w.WriteHeader(int(g.status.Load()))
	}))
	t.Cleanup(server.Close)
	g.asker = New(Options{
		Targets: func(_ context.Context, _ string, q expand.Question) ([]Target, error) {
			if err := g.lost.Load(); err != nil {
				return nil, *err
			}
			return []Target{{
				URL: "http://models.example.com" + q.Path, Address: server.Listener.Addr().String(),
				Headers: map[string]string{"team": "blue"}, Loose: q.Loose,
			}}, nil
		},
		Changed: func(_ context.Context, d types.NamespacedName) { g.changed <- d },
		Timeout: timeout, Settle: settle,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- g.asker.Start(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return g
}

func subject(fronts ...string) Subject {
	return Subject{
		Name:      types.NamespacedName{Namespace: "a", Name: "b"},
		Questions: []expand.Question{{Way: "a gateway", Path: "/seldon/a/b/ready"}}, Fronts: fronts,
	}
}

// finds returns what is found when it changes.
func (g *gateway) finds(s Subject, verdict Verdict, said string) {
	g.Helper()
	select {
	case name := <-g.changed:
		if name != s.Name {
			g.Errorf("something is found of %s", name)
		}
	case <-time.After(30 * time.Second):
		g.Fatal("nothing is found")
	}
	if f := g.asker.Find(s); f.Verdict != verdict || !strings.Contains(f.Said, said) {
		g.Errorf("found %d, %q; want %d, %q", f.Verdict, f.Said, verdict, said)
	}
}

// TestAnAnswerIsWaitedFor while a gateway does not lead to the deployment yet,
// and is asked for again where it has more to learn.
func TestAnAnswerIsWaitedFor(t *testing.T) {
	g := newGateway(t, time.Minute, 0)
	g.status.Store(503)
	if f := g.asker.Find(subject("one")); f.Verdict != Asking {
		t.Errorf("found %+v before anybody was asked", f)
	}
	for g.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	g.status.Store(404)
	time.Sleep(pause)
	if f := g.asker.Find(subject("one")); f.Verdict != Asking {
		t.Errorf("found %+v while it is not there", f)
	}
	g.status.Store(200)
	g.finds(subject("one"), Answered, "GET http://models.example.com/seldon/a/b/ready was answered")

	before := g.asked.Load()
	if f := g.asker.Find(subject("one")); f.Verdict != Answered || g.asked.Load() != before {
		t.Errorf("it is asked again for nothing, found %+v", f)
	}
	if f := g.asker.Find(subject("one", "two")); f.Verdict != Asking {
		t.Errorf("a new front is not asked for: %+v", f)
	}
	g.finds(subject("one", "two"), Answered, "was answered")
	if f := g.asker.Find(subject("two")); f.Verdict != Answered {
		t.Errorf("a front that goes is asked for: %+v", f)
	}
	other := subject("two")
	other.Questions = slices.Clone(other.Questions)
	other.Questions[0].Host = "elsewhere"
	if f := g.asker.Find(other); f.Verdict != Asking {
		t.Errorf("another question is not asked: %+v", f)
	}
	g.asker.Forget(other.Name)
	if g.asker.Knows(other.Name) {
		t.Error("it is not forgotten")
	}
}

// TestNobodyWaitsForEver for what does not answer, or cannot be asked.
func TestNobodyWaitsForEver(t *testing.T) {
	for name, test := range map[string]struct {
		status  int32
		lost    error
		timeout time.Duration
		settle  time.Duration
		verdict Verdict
		said    string
	}{
		"it never leads there": {status: 503, timeout: time.Second, settle: time.Minute, verdict: Silent, said: "was answered 503 Service Unavailable"},
		"it wants a password":  {status: 401, timeout: time.Minute, settle: time.Second, verdict: Unasked, said: "was answered 401 Unauthorized"},
		"it sends elsewhere":   {status: 302, timeout: time.Minute, settle: time.Second, verdict: Unasked, said: "was answered 302 Found"},
		"nobody knows where":   {lost: errors.New("no address"), timeout: time.Minute, settle: time.Second, verdict: Unasked, said: "a gateway: no address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, test.timeout, test.settle)
			g.status.Store(test.status)
			if test.lost != nil {
				g.lost.Store(&test.lost)
			}
			began := time.Now()
			g.asker.Find(subject("one"))
			g.finds(subject("one"), test.verdict, test.said)
			if took := time.Since(began); took < time.Second {
				t.Errorf("given up after %s", took)
			}
		})
	}
}

// TestWhatCannotBeConnectedToCannotBeAsked: clients may come by another network.
func TestWhatCannotBeConnectedToCannotBeAsked(t *testing.T) {
	f := newClient().ask(t.Context(), Target{URL: "http://models.example.com/", Address: "127.0.0.1:1"})
	if f.Verdict != Unasked || !strings.Contains(f.Said, "127.0.0.1:1 cannot be connected to") {
		t.Errorf("found %+v", f)
	}
}

// TestAnyAnswerOfAServerCounts where no executor answers, but for those that a
// gateway gives by itself.
func TestAnyAnswerOfAServerCounts(t *testing.T) {
	for status, want := range map[int]Verdict{200: Answered, 400: Answered, 405: Answered, 404: Silent, 502: Silent, 503: Silent, 500: Silent} {
		r := &http.Response{StatusCode: status, Status: http.StatusText(status)}
		if got := judge(Target{Loose: true}, "GET", r).Verdict; got != want {
			t.Errorf("%d is judged as %d, want %d", status, got, want)
		}
	}
}

// TestWhatWasFoundBeforeIsBelieved without asking.
func TestWhatWasFoundBeforeIsBelieved(t *testing.T) {
	g := newGateway(t, time.Minute, 0)
	g.status.Store(200)
	g.asker.Believe(subject("one"), Finding{Answered, "before"})
	if f := g.asker.Find(subject("one")); f != (Finding{Answered, "before"}) || g.asked.Load() > 0 {
		t.Errorf("found %+v after asking %d times", f, g.asked.Load())
	}
}
