package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/metrics"
)

// model is a pod: a server of REST and gRPC that counts what it was asked. It has an
// address of its own among those of this machine.
type model struct {
	grpc_health_v1.UnimplementedHealthServer
	t          *testing.T
	name, ip   string
	rest       *http.Server
	rpc        *grpc.Server
	ready      atomic.Bool
	pause      time.Duration
	mu         sync.Mutex
	ids        map[string]int
	now, most  atomic.Int64
	rpcs, asks atomic.Int64
	// on ends the answers of stream.
	on chan struct{}
}

// place is where all pods of a test listen, at addresses of their own.
type place struct{ http, grpc int32 }

func newPlace(t *testing.T) place {
	t.Helper()
	var ports [2]int32
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = int32(l.Addr().(*net.TCPAddr).Port)
		defer func() { _ = l.Close() }()
	}
	return place{ports[0], ports[1]}
}

// start starts a pod at 127.0.0.N.
func (p place) start(t *testing.T, n int) *model {
	t.Helper()
	m := &model{t: t, name: "pod-" + strconv.Itoa(n), ip: "127.0.0." + strconv.Itoa(n), ids: map[string]int{}, on: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		m.asks.Add(1)
		if !m.ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/predict", m.predict)
	mux.HandleFunc("/stream", m.stream)
	m.rest = &http.Server{Handler: mux}
	m.rpc = grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(m.rpc, m)
	for _, on := range []struct {
		port  int32
		serve func(net.Listener) error
	}{{p.http, m.rest.Serve}, {p.grpc, m.rpc.Serve}} {
		l, err := net.Listen("tcp", net.JoinHostPort(m.ip, strconv.Itoa(int(on.port))))
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = on.serve(l) }()
	}
	t.Cleanup(m.end)
	m.ready.Store(true)
	return m
}

func (m *model) end() {
	_ = m.rest.Close()
	m.rpc.Stop()
}

func (m *model) begin() func() {
	n := m.now.Add(1)
	for seen := m.most.Load(); n > seen && !m.most.CompareAndSwap(seen, n); seen = m.most.Load() {
	}
	time.Sleep(m.pause)
	return func() { m.now.Add(-1) }
}

// predict answers with the body, and counts its id.
func (m *model) predict(w http.ResponseWriter, r *http.Request) {
	defer m.begin()()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m.mu.Lock()
	m.ids[r.Header.Get("Id")]++
	m.mu.Unlock()
	_, _ = fmt.Fprintf(w, "%s of %s", body, r.Host)
}

// stream begins to answer when it has read the request, and ends when it may.
func (m *model) stream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = http.NewResponseController(w).Flush()
	select {
	case <-m.on:
	case <-r.Context().Done():
	}
}

func (m *model) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	defer m.begin()()
	m.rpcs.Add(1)
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

func (m *model) Watch(_ *grpc_health_v1.HealthCheckRequest, s grpc.ServerStreamingServer[grpc_health_v1.HealthCheckResponse]) error {
	for range 3 {
		if err := s.Send(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}); err != nil {
			return err
		}
	}
	return nil
}

func (m *model) pod() Pod {
	return Pod{Name: m.name, IP: m.ip}
}

// cluster tells what a test says that there is. Its mu is held while it tells, so that
// nobody is told last of what was before.
type cluster struct {
	mu   sync.Mutex
	pods []Pod
	told map[int]func([]Pod)
	next int
}

func (c *cluster) Follow(ctx context.Context, _ string, _ map[string]string, told func([]Pod)) {
	n := c.add(told)
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.told, n)
}

func (c *cluster) add(told func([]Pod)) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = c.next
	c.next++
	if c.told == nil {
		c.told = map[int]func([]Pod){}
	}
	c.told[n] = told
	told(slices.Clone(c.pods))
	return n
}

func (c *cluster) set(pods ...Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods = pods
	for _, told := range c.told {
		told(slices.Clone(pods))
	}
}

// house is an activator with one front.
type house struct {
	*Activator
	place   place
	cluster *cluster
	address string
	stop    func() error
}

func start(t *testing.T, change func(o *Options, f *Front)) *house {
	t.Helper()
	return newHouse(t, newPlace(t), &cluster{}, change)
}

func newHouse(t *testing.T, p place, c *cluster, change func(o *Options, f *Front)) *house {
	t.Helper()
	o := Options{
		Host: "127.0.0.1", Most: 1000, Bytes: 1 << 20, Patience: time.Minute, Leave: 50 * time.Millisecond, Drain: time.Minute,
		Cluster: c, Process: "p", Registry: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	}
	front := Front{Namespace: "ns", Name: "svc", Front: scaling.Front{Deployment: "d", HTTPPort: p.http, GRPCPort: p.grpc, ReadyPath: "/ready"}}
	if change != nil {
		change(&o, &front)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front.Port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Set([]Front{front}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return &house{Activator: a, place: p, cluster: c, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(front.Port)), stop: stop}
}

func (h *house) post(ctx context.Context, id, body string) (*http.Response, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.address+"/predict", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Id", id)
	r.Host = "svc.ns"
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

// waiting waits until so many requests do.
func (h *house) waiting(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		now := 0
		for _, f := range h.all() {
			now += f.queue.Waiting()
		}
		if now == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d requests wait, want %d", now, n)
		}
	}
}

func rpcClient(t *testing.T, address string) grpc_health_v1.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return grpc_health_v1.NewHealthClient(conn)
}

// Requests of each kind wait for the first pod, which is told of at once, and are
// answered as if it had been there: with nothing changed on the way.
func TestRequestsWaitForTheFirstPod(t *testing.T) {
	h := start(t, nil)
	admin := &http.Server{Handler: h.Admin(prometheus.NewRegistry(), func() error { return nil })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = admin.Serve(l) }()
	t.Cleanup(func() { _ = admin.Close() })
	wakes, err := http.Get("http://" + l.Addr().String() + scaling.PathWakes)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = wakes.Body.Close() }()

	rpc := rpcClient(t, h.address)
	var all sync.WaitGroup
	all.Go(func() {
		answer, text, err := h.post(t.Context(), "1", "hello")
		if err != nil || text != "hello of svc.ns" {
			t.Errorf("REST: %v, %v, %q", err, answer, text)
		}
	})
	h.waiting(t, 1)
	var wake scaling.Wake
	if err := json.NewDecoder(wakes.Body).Decode(&wake); err != nil || wake != (scaling.Wake{Front: "ns/svc", By: "REST"}) {
		t.Errorf("told %+v, %v", wake, err)
	}
	all.Go(func() {
		if got, err := rpc.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil || got.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("gRPC: %v, %v", got, err)
		}
	})
	all.Go(func() {
		s, err := rpc.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		n := 0
		for err == nil {
			if _, err = s.Recv(); err == nil {
				n++
			}
		}
		if n != 3 || !errors.Is(err, io.EOF) {
			t.Errorf("a stream: %d answers, %v", n, err)
		}
	})
	h.waiting(t, 3)
	answer, err := http.Get("http://" + l.Addr().String() + scaling.PathReport)
	if err != nil {
		t.Fatal(err)
	}
	var r scaling.Report
	if err := json.NewDecoder(answer.Body).Decode(&r); err != nil || r.Fronts["ns/svc"].InFlight != 3 || r.Started != "p" || net.JoinHostPort("127.0.0.1", strconv.Itoa(int(r.Ports["ns/svc"]))) != h.address {
		t.Errorf("reported %+v, %v", r, err)
	}
	_ = answer.Body.Close()

	m := h.place.start(t, 2)
	m.ready.Store(false)
	h.cluster.set(m.pod())
	for m.asks.Load() < 3 { // It is asked until it is ready, and gets nothing before.
		time.Sleep(time.Millisecond)
	}
	if m.now.Load() != 0 {
		t.Error("a pod got a request before it was ready")
	}
	m.ready.Store(true)
	all.Wait()
	if l := h.all()[0].held.Load(); l.InFlight != 0 || l.Requests != 3 || l.BusySeconds <= 0 {
		t.Errorf("held %+v", l)
	}
}

// So is who asks over gRPC; without the header a health check is a call as others are.
func TestWhoAsksForReachOverGRPCIsAnsweredHere(t *testing.T) {
	h := start(t, nil)
	conn, err := grpc.NewClient(h.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	check := grpc_health_v1.NewHealthClient(conn)
	ctx := metadata.AppendToOutgoingContext(t.Context(), scaling.HeaderReach, "true")
	answer, err := check.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil || answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("%v, %v", answer, err)
	}
	if l := h.all()[0].held.Load(); l.Requests > 0 || h.cluster.next > 0 {
		t.Errorf("it counts as a request: %+v; pods were followed %d times", l, h.cluster.next)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if answer, err := check.Check(ctx, &grpc_health_v1.HealthCheckRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("without the header: %v, %v", answer, err)
	}
	if l := h.all()[0].held.Load(); l.Requests != 1 {
		t.Errorf("without the header it does not count: %+v", l)
	}
}

// Who asks no more than whether requests come this far is answered, and has no pod made.
func TestWhoAsksForReachIsAnsweredHere(t *testing.T) {
	h := start(t, nil)
	ask := func(method, path, reach string) *http.Response {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		r, err := http.NewRequestWithContext(ctx, method, "http://"+h.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if reach != "" {
			r.Header.Set(scaling.HeaderReach, reach)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer
	}
	for _, path := range []string{"/ready", "/seldon/ns/d/ready"} {
		if answer := ask(http.MethodGet, path, "true"); answer.StatusCode != http.StatusOK || !answer.Close {
			t.Errorf("%s: %s, and the connection stays: %t", path, answer.Status, !answer.Close)
		}
	}
	h.Place(map[string]Position{"ns/svc": {Index: 0, Among: 1}})
	if answer := ask(http.MethodGet, "/ready", "true"); answer.StatusCode != http.StatusOK || answer.Close {
		t.Errorf("of a front that is led here: %s, and the connection stays: %t", answer.Status, !answer.Close)
	}
	if l := h.all()[0].held.Load(); l.Requests > 0 || h.cluster.next > 0 {
		t.Errorf("it counts as a request: %+v; pods were followed %d times", l, h.cluster.next)
	}
	// All others are requests.
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	ask(http.MethodGet, "/ready", "")
	ask(http.MethodPost, "/ready", "true")
	ask(http.MethodGet, "/predict", "true")
	if l := h.all()[0].held.Load(); l.Requests == 0 {
		t.Error("requests that are no such question did not wait for a pod")
	}
}

// 200 requests at once reach pods that come one after the other, each once, and no pod
// has more than it takes.
func TestManyAtOnceAreAnsweredOnce(t *testing.T) {
	const all, most = 200, 3
	h := start(t, func(_ *Options, f *Front) { f.ContainerConcurrency = most })
	var clients sync.WaitGroup
	for i := range all {
		clients.Go(func() {
			answer, text, err := h.post(t.Context(), strconv.Itoa(i), "x")
			if err != nil || answer.StatusCode != http.StatusOK || text != "x of svc.ns" {
				t.Errorf("request %d: %v, %q", i, err, text)
			}
		})
	}
	h.waiting(t, all)
	var models []*model
	var pods []Pod
	for n := range 3 {
		m := h.place.start(t, 2+n)
		m.pause = 2 * time.Millisecond
		models, pods = append(models, m), append(pods, m.pod())
		h.cluster.set(pods...)
	}
	clients.Wait()
	asked := map[string]int{}
	for _, m := range models {
		for id, n := range m.ids {
			asked[id] += n
		}
		if m.most.Load() > most {
			t.Errorf("%s had %d requests at once, want %d at most", m.name, m.most.Load(), most)
		}
	}
	for i := range all {
		if n := asked[strconv.Itoa(i)]; n != 1 {
			t.Errorf("request %d arrived %d times", i, n)
		}
	}
}

// What is beyond a bound is refused at once, in words of its protocol, and says when
// to come again: too many, too much, too long.
func TestBeyondABoundIsRefused(t *testing.T) {
	h := start(t, func(o *Options, f *Front) {
		o.Most, o.Bytes, f.Timeout.Duration = 1, 100, 5*time.Second
	})
	h.cluster.set(Pod{Name: "stuck", Trouble: "container m: ImagePullBackOff: no such image"})
	late := make(chan string, 1)
	go func() {
		answer, text, err := h.post(t.Context(), "1", "x")
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
			text = fmt.Sprint(err, answer)
		}
		late <- text
	}()
	h.waiting(t, 1)
	answer, text, err := h.post(t.Context(), "2", "x")
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "too many requests wait") || answer.Header.Get("Retry-After") != "5" {
		t.Errorf("one too many: %v, %s", err, text)
	}
	_, err = rpcClient(t, h.address).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if s := status.Convert(err); s.Code() != codes.Unavailable || len(s.Details()) != 1 {
		t.Errorf("one too many over gRPC: %v with %v", err, s.Details())
	}
	if text := <-late; !strings.Contains(text, "ImagePullBackOff: no such image") || !strings.Contains(text, `"status":"FAILURE"`) {
		t.Errorf("too long: %s", text)
	}
	for name, body := range map[string]io.Reader{"known": strings.NewReader(strings.Repeat("x", 101)), "in chunks": io.MultiReader(strings.NewReader(strings.Repeat("x", 101)))} {
		answer, err := http.Post("http://"+h.address+"/predict", "text/plain", body)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(text), "memory") {
			t.Errorf("too much, of a length that is %s: %s %s", name, answer.Status, text)
		}
	}
	if used := h.memory.used.Load(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}

// A pod that cannot be reached costs no request: another gets it, with all of its
// body.
func TestAPodThatIsGoneCostsNoRequest(t *testing.T) {
	h := start(t, nil)
	m := h.place.start(t, 3)
	gone := Pod{Name: "gone", IP: "127.0.0.2", Ready: true}
	h.cluster.set(gone, Pod{Name: m.name, IP: m.ip, Ready: true})
	body := strings.Repeat("x", 1<<18)
	for i := range 3 {
		if answer, text, err := h.post(t.Context(), strconv.Itoa(i), body); err != nil || answer.StatusCode != http.StatusOK || text != body+" of svc.ns" {
			t.Errorf("request %d: %v, %d bytes", i, err, len(text))
		}
	}
	if _, err := rpcClient(t, h.address).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
}

// A pod that says it is ready, and takes no requests, is not asked without end.
func TestAPodThatOnlySaysItIsReady(t *testing.T) {
	h := start(t, func(_ *Options, f *Front) {
		f.Timeout.Duration, f.ReadyPath, f.GRPCPort = 2*time.Second, "", 1
	})
	m := h.place.start(t, 2)
	p := m.pod()
	p.Probes = []Probe{{Port: h.place.http, Path: "/ready"}}
	h.cluster.set(p)
	_, err := rpcClient(t, h.address).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("error is %v", err)
	}
	if _, text, err := h.post(t.Context(), "1", "x"); err != nil || text != "x of svc.ns" {
		t.Errorf("at the port that works: %q, %v", text, err)
	}
}

// A client that leaves is no longer waited for, and its request is not sent.
func TestAClientThatLeaves(t *testing.T) {
	h := start(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, _, err := h.post(ctx, "1", "x"); gone <- err }()
	h.waiting(t, 1)
	leave()
	<-gone
	h.waiting(t, 0)
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	if _, _, err := h.post(t.Context(), "2", "x"); err != nil {
		t.Error(err)
	}
	if len(m.ids) != 1 || m.ids["2"] != 1 {
		t.Errorf("the pod was asked %v", m.ids)
	}
}

// Of two activators one ends while clients ask both: none of their requests is lost,
// those that it holds included.
func TestAnActivatorThatEndsLosesNothing(t *testing.T) {
	p, c := newPlace(t), &cluster{}
	two := func(o *Options, f *Front) { o.Leave, f.ContainerConcurrency = 300*time.Millisecond, 2 }
	first, second := newHouse(t, p, c, two), newHouse(t, p, c, two)
	first.Place(map[string]Position{"ns/svc": {0, 2}})
	second.Place(map[string]Position{"ns/svc": {1, 2}})
	var left atomic.Bool
	var asked atomic.Int64
	over, end := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			for n := 0; over.Err() == nil; n++ {
				// As EndpointSlices have it: who ends is named no longer.
				to := first
				if left.Load() || i%2 == 0 {
					to = second
				}
				id := fmt.Sprintf("%d.%d", i, n)
				if answer, text, err := to.post(t.Context(), id, "x"); err != nil || answer.StatusCode != http.StatusOK {
					t.Errorf("request %s: %v, %s", id, err, text)
					return
				}
				asked.Add(1)
			}
		})
	}
	first.waiting(t, 10)
	ended := make(chan error, 1)
	go func() { ended <- first.stop() }()
	for !first.draining.Load() {
		time.Sleep(time.Millisecond)
	}
	left.Store(true)
	first.Place(nil)
	m := p.start(t, 2)
	m.pause = time.Millisecond
	c.set(m.pod())
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for before := asked.Load(); asked.Load() < before+20; {
		time.Sleep(time.Millisecond)
	}
	end()
	clients.Wait()
	if int64(len(m.ids)) != asked.Load() {
		t.Errorf("%d requests were answered and %d arrived", asked.Load(), len(m.ids))
	}
	for id, n := range m.ids {
		if n != 1 {
			t.Errorf("request %s arrived %d times", id, n)
		}
	}
}

// Two activators fill pods from different ends, so that requests meet only where there
// is no other pod.
func TestActivatorsMeetLast(t *testing.T) {
	for _, test := range []struct {
		at   Position
		want string
	}{
		{Position{}, "12345"}, {Position{0, 1}, "12345"}, {Position{0, 2}, "12345"}, {Position{1, 2}, "54321"},
		{Position{2, 4}, "34512"}, {Position{3, 4}, "21543"},
	} {
		h := start(t, func(_ *Options, f *Front) { f.ContainerConcurrency = 1 })
		h.Place(map[string]Position{"ns/svc": test.at})
		f := h.all()[0]
		f.use()
		var pods []Pod
		for n := range 5 {
			pods = append(pods, Pod{Name: strconv.Itoa(n + 1), IP: "127.0.1." + strconv.Itoa(n+1), Ready: true})
		}
		h.cluster.set(pods...)
		got := ""
		for len(got) < 5 {
			if ip, ok := f.queue.Try(); ok {
				got += ip[len(ip)-1:]
			}
		}
		if got != test.want {
			t.Errorf("activator %+v asks pods in the order %s, want %s", test.at, got, test.want)
		}
		f.leave()
	}
}

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/scaling.md")

// TestMetricsAreWrittenDown: docs/scaling.md lists what an activator shows.
func TestMetricsAreWrittenDown(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := start(t, func(o *Options, f *Front) { o.Registry, f.Timeout.Duration = registry, time.Millisecond })
	for i := range 2 {
		if answer, _, err := h.post(t.Context(), strconv.Itoa(i), "x"); err != nil || answer.StatusCode == http.StatusOK {
			t.Fatalf("without a pod: %v, %v", err, answer)
		}
		// A pod that ends a connection without an answer.
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.9", strconv.Itoa(int(h.place.http))))
		if err != nil {
			break // It is there since the first turn.
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_ = conn.Close()
			}
		}()
		h.all()[0].change(Front{Namespace: "ns", Name: "svc", Front: scaling.Front{HTTPPort: h.place.http, Timeout: scaling.Duration{Duration: time.Minute}}})
		h.cluster.set(Pod{Name: "p", IP: "127.0.0.9", Ready: true})
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]*dto.MetricFamily{}
	for _, f := range families {
		shown[f.GetName()] = f
	}
	metrics.Hold(t, "../../docs/scaling.md", "the activator", metrics.Of(shown, "radiant_activator_"), *update)
	for _, name := range []string{"errors_total", "refused_total", "wait_seconds", "waiting", "waiting_bytes", "forwarding", "fronts"} {
		if shown["radiant_activator_"+name] == nil {
			t.Errorf("nothing shows radiant_activator_%s", name)
		}
	}
}

// A port that another Service has now leads to nobody but that one: connections that
// were made to the former are told to go.
func TestAPortThatAnotherServiceHas(t *testing.T) {
	h := start(t, nil)
	kept, err := net.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	ask := func(target string) *http.Response {
		t.Helper()
		if _, err := fmt.Fprintf(kept, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(kept), nil)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	port, err := strconv.Atoi(h.address[strings.LastIndexByte(h.address, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	other := Front{Namespace: "ns", Name: "other", Port: port, Front: scaling.Front{Deployment: "other", HTTPPort: h.place.http}}
	// The connection has been taken when a front has answered at it; none can, so that
	// its listener is given the time to take it by one that comes later and is taken.
	later, err := net.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = fmt.Fprint(later, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") }()
	defer func() { _ = later.Close() }()
	h.waiting(t, 1)
	if err := h.Set([]Front{other}); err != nil {
		t.Fatal(err)
	}
	answer := ask("/")
	if answer.StatusCode != http.StatusServiceUnavailable || !answer.Close {
		t.Errorf("the answer is %s, close %v", answer.Status, answer.Close)
	}
}

// What is no front any more is served until all gateways can have heard of it, and its
// clients are told to find another way.
func TestAFrontThatIsLeftIsServedForAWhile(t *testing.T) {
	h := start(t, func(o *Options, _ *Front) { o.Settled = time.Hour })
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	h.Place(map[string]Position{"ns/svc": {Index: 0, Among: 1}})
	for _, later := range []func() error{
		func() error { return nil },
		func() error { h.Place(nil); return nil },
		func() error { return h.Set(nil) },
		func() error { h.Place(nil); return h.Set(nil) },
	} {
		if err := later(); err != nil {
			t.Fatal(err)
		}
		if answer, text, err := h.post(t.Context(), "1", "x"); err != nil || answer.StatusCode != http.StatusOK || answer.Close != !h.all()[0].led() {
			t.Fatalf("%v, %v, %s", answer, err, text)
		}
	}
	h.mu.Lock()
	h.fronts["ns/svc"].unled = time.Now().Add(-2 * time.Hour)
	h.closeLeft()
	h.mu.Unlock()
	if answer, _, err := h.post(t.Context(), "1", "x"); err == nil {
		t.Errorf("a front that is left for long answers %s", answer.Status)
	}
}

// Who waits at a front that ends is turned away if there are no pods, since nobody makes
// any, and has its pod if there is one that is about to be ready.
func TestWhoWaitsAtAFrontThatEnds(t *testing.T) {
	for name, pods := range map[string][]Pod{"without pods": nil, "with a pod": {{Name: "p"}}} {
		h := start(t, func(o *Options, _ *Front) { o.Settled = time.Millisecond })
		h.cluster.set(pods...)
		type answer struct {
			*http.Response
			text string
			err  error
		}
		got := make(chan answer, 1)
		go func() {
			r, text, err := h.post(t.Context(), "1", "x")
			got <- answer{r, text, err}
		}()
		h.waiting(t, 1)
		if err := h.Set(nil); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); len(h.all()) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the front has not ended")
			}
		}
		if len(pods) > 0 {
			h.cluster.set(h.place.start(t, 2).pod())
		}
		a := <-got
		if a.err != nil {
			t.Fatal(a.err)
		}
		if want := len(pods) > 0; want != (a.StatusCode == http.StatusOK) || !want && !strings.Contains(a.text, errLeft.Error()) {
			t.Errorf("%s: %s, %s", name, a.Status, a.text)
		}
	}
}

// The end of a request that waited at a former port of a Service does not hide that one
// waits at the port that it has now.
func TestAFormerPortHidesNoWake(t *testing.T) {
	h := start(t, nil)
	leaves, leave := context.WithCancel(t.Context())
	left := make(chan struct{})
	go func() {
		_, _, _ = h.post(leaves, "1", "x")
		close(left)
	}()
	h.waiting(t, 1)
	former := h.all()[0]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	next := Front{Namespace: "ns", Name: "svc", Port: l.Addr().(*net.TCPAddr).Port, Front: scaling.Front{Deployment: "d", HTTPPort: h.place.http}}
	_ = l.Close()
	if err := h.Set([]Front{next}); err != nil {
		t.Fatal(err)
	}
	h.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(next.Port))
	go func() { _, _, _ = h.post(t.Context(), "2", "x") }()
	wakes := func() []scaling.Wake {
		now, _, stop := h.wakes.read()
		stop()
		return now
	}
	h.waiting(t, 1)
	for end := time.Now().Add(time.Minute); len(wakes()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody is told of the request")
		}
	}
	leave()
	<-left
	for former.queue.Waiting() > 0 {
		time.Sleep(time.Millisecond)
	}
	former.look()
	if len(wakes()) != 1 {
		t.Errorf("the wakes are %v", wakes())
	}
	h.cluster.set(h.place.start(t, 2).pod())
}

// A gateway keeps connections by their address. One that it used for a Service that is
// led here no more ends, so that it brings no request of the next one; one that is new
// goes on with its Service at another port.
func TestConnectionsOfAFrontThatEnds(t *testing.T) {
	h := start(t, nil)
	h.Place(map[string]Position{"ns/svc": {Index: 0, Among: 1}})
	var conns []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", h.address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		conns = append(conns, c)
	}
	fresh, used := conns[0], conns[1] // Connections are taken in order, so fresh has been when used is answered.
	ask := func(c net.Conn) (*http.Response, error) {
		if _, err := fmt.Fprintf(c, "GET /ready HTTP/1.1\r\nHost: a\r\n%s: true\r\n\r\n", scaling.HeaderReach); err != nil {
			return nil, err
		}
		return http.ReadResponse(bufio.NewReader(c), nil)
	}
	if answer, err := ask(used); err != nil || answer.StatusCode != http.StatusOK || answer.Close {
		t.Fatalf("the answer is %v, %v", answer, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	moved := h.all()[0].spec
	moved.Port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	h.Place(nil)
	if err := h.Set([]Front{moved}); err != nil {
		t.Fatal(err)
	}
	if _, err := used.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that was used is kept: %v", err)
	}
	if answer, err := ask(fresh); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("a connection that was not used yet: %v, %v", answer, err)
	}
}
