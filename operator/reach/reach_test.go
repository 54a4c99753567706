package reach

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
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
		if got := judge(Target{Loose: true}, r).Verdict; got != want {
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

// calls is a gateway that takes GETs and, at an address of its own, calls of gRPC's health
// check, which the real server of gRPC answers.
func calls(t *testing.T) (targets []Target, serve func(bool)) {
	targets, serve, _ = countedCalls(t)
	return targets, serve
}

// countedCalls counts the connections that are made for calls.
func countedCalls(t *testing.T) (targets []Target, serve func(bool), made *atomic.Int32) {
	t.Helper()
	rest := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(rest.Close)
	server, checks := grpc.NewServer(), health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, checks)
	var leads atomic.Bool
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get(scaling.HeaderReach) == "" || r.Header.Get("seldon") != "b":
			t.Errorf("asked with %v", r.Header)
		case !leads.Load():
			http.Error(w, "no available server", http.StatusServiceUnavailable) // As Traefik does.
			return
		}
		server.ServeHTTP(w, r)
	}))
	front.Config.Protocols = new(http.Protocols)
	front.Config.Protocols.SetUnencryptedHTTP2(true)
	made = &atomic.Int32{}
	front.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	front.Start()
	t.Cleanup(front.Close)
	return []Target{
			{URL: rest.URL + "/ready", Address: rest.Listener.Addr().String()},
			{URL: front.URL + scaling.HealthCheck, Address: front.Listener.Addr().String(), GRPC: true, Headers: map[string]string{"seldon": "b"}},
		}, func(serves bool) {
			state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
			if serves {
				state = grpc_health_v1.HealthCheckResponse_SERVING
			}
			checks.SetServingStatus("", state)
			leads.Store(true)
		}, made
}

// asksCalls is an asker of these targets; found gets what is told.
func asksCalls(t *testing.T, targets []Target, timeout, settle time.Duration) (asker *Asker, found chan Finding) {
	t.Helper()
	found = make(chan Finding, 10)
	asker = New(Options{
		Targets: func(_ context.Context, _ string, q expand.Question) ([]Target, error) {
			if q.GRPC && len(targets) < 2 {
				return nil, errors.New("no listener")
			}
			if q.GRPC {
				return targets[1:], nil
			}
			return targets[:1], nil
		},
		Changed: func(context.Context, types.NamespacedName) { found <- asker.Find(subjectOfCalls()) },
		Timeout: timeout, Settle: settle,
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- asker.Start(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return asker, found
}

func subjectOfCalls() Subject {
	s := subject("one")
	s.Questions = append(s.Questions, expand.Question{Way: "a gateway", GRPC: true})
	return s
}

// Where a gateway learns of routes of gRPC later, it is waited for. Each call has a
// connection of its own, since a gateway may be several.
func TestCallsAreWaitedFor(t *testing.T) {
	targets, serve, made := countedCalls(t)
	asker, found := asksCalls(t, targets, time.Minute, time.Minute)
	asker.Find(subjectOfCalls())
	time.Sleep(5 * pause)
	serve(false)
	time.Sleep(5 * pause)
	if f := asker.Find(subjectOfCalls()); f.Verdict != Asking {
		t.Errorf("found %+v before calls are answered", f)
	}
	before := made.Load()
	serve(true)
	select {
	case f := <-found:
		if n := made.Load() - before; n < enough-1 { // One may have been under way.
			t.Errorf("%d connections were made for %d calls", n, enough)
		}
		if f.Verdict != Answered || !strings.Contains(f.Said, "a health check over gRPC was answered") {
			t.Errorf("found %+v", f)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is found")
	}
}

// A gateway that takes no calls keeps nobody from being ready: it is waited for as one that
// cannot be asked is, and what it answers instead is told.
func TestCallsThatAreNotAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		change func(targets []Target) []Target
		said   string
	}{
		"503":         {func(all []Target) []Target { return all }, "a health check over gRPC at "},
		"no HTTP/2":   {func(all []Target) []Target { all[1].Address = all[0].Address; return all }, "a health check over gRPC at "},
		"no listener": {func(all []Target) []Target { return all[:1] }, "nobody is asked over gRPC: no listener"},
		"nobody":      {func(all []Target) []Target { all[1].Address = "127.0.0.1:1"; return all }, "127.0.0.1:1 cannot be connected to"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targets, _ := calls(t)
			asker, found := asksCalls(t, test.change(targets), time.Hour, time.Second)
			began := time.Now()
			asker.Find(subjectOfCalls())
			select {
			case f := <-found:
				if f.Verdict != Answered || !strings.Contains(f.Said, test.said) || !strings.Contains(f.Said, "/ready was answered") {
					t.Errorf("found %+v, want %q", f, test.said)
				}
				if took := time.Since(began); took < time.Second {
					t.Errorf("given up after %s", took)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("nothing is found")
			}
		})
	}
}

// Calls get their time from when REST is answered, however long that took.
func TestCallsAreWaitedForAfterREST(t *testing.T) {
	const settle = 5 * time.Second
	targets, serve := calls(t)
	began, answers := time.Now(), atomic.Int32{}
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if time.Since(began) < settle {
			w.WriteHeader(http.StatusServiceUnavailable)
		} else if answers.Add(1) == 3 {
			serve(true) // Calls are answered some rounds later.
		}
	}))
	t.Cleanup(late.Close)
	targets[0].URL, targets[0].Address = late.URL+"/ready", late.Listener.Addr().String()
	asker, found := asksCalls(t, targets, time.Minute, settle)
	asker.Find(subjectOfCalls())
	select {
	case f := <-found:
		if f.Verdict != Answered || !strings.Contains(f.Said, "a health check over gRPC was answered") {
			t.Errorf("found %+v", f)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is found")
	}
}

// One host may be several Gateways: each call comes to the one that it is for.
func TestCallsGoToTheirAddress(t *testing.T) {
	c := newClient()
	var wrong atomic.Int32
	var asking sync.WaitGroup
	for i := range 2 {
		front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("seldon") != strconv.Itoa(i) {
				wrong.Add(1)
			}
			http.Error(w, "no available server", http.StatusServiceUnavailable)
		}))
		front.Config.Protocols = new(http.Protocols)
		front.Config.Protocols.SetUnencryptedHTTP2(true)
		front.Start()
		t.Cleanup(front.Close)
		target := Target{
			URL: "http://any.example.com" + scaling.HealthCheck, Address: front.Listener.Addr().String(), GRPC: true,
			Headers: map[string]string{"seldon": strconv.Itoa(i)},
		}
		for range 16 {
			asking.Go(func() {
				for range 30 {
					if f := c.ask(t.Context(), target); f.Verdict != Silent {
						t.Errorf("found %+v", f)
					}
				}
			})
		}
	}
	asking.Wait()
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d calls came to another address", n, 2*16*30)
	}
}
