package conformance

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/peer"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/graph"
)

// arrivals sends requests that end the worker which takes them, and counts
// where they arrive.
func arrivals(t *testing.T, start Start) {
	t.Run("REST", func(t *testing.T) { arrivalsREST(t, start) })
	t.Run("gRPC", func(t *testing.T) { arrivalsRPC(t, start) })
}

// deadly marks a request that ends its worker.
const deadly = "deadly"

// workers is a component of which each connection is a worker. One that gets a
// deadly request closes its connection without an answer.
type workers struct {
	address string
	killed  atomic.Int32
	// crowd holds back answers until so many requests are there.
	crowd atomic.Pointer[sync.WaitGroup]
}

func startWorkers(t *testing.T) *workers {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &workers{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.work(conn)
		}
	}()
	return w
}

func (w *workers) work(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(deadly)) || r.Method == http.MethodGet {
			w.killed.Add(1)
			return
		}
		if crowd := w.crowd.Load(); crowd != nil {
			crowd.Done()
			crowd.Wait()
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	}
}

// idle leaves n connections of the executor's open and unused.
func (w *workers) idle(t *testing.T, e Executor, n int) {
	t.Helper()
	crowd := &sync.WaitGroup{}
	crowd.Add(n)
	w.crowd.Store(crowd)
	var o outcome
	for range n {
		o.send(func() error {
			_, _, err := post(soon(t), predictions(e), "application/json", []byte(`{}`))
			return err
		})
	}
	o.wait.Wait()
	w.crowd.Store(nil)
	if len(o.errs) > 0 {
		t.Fatal(o.errs[0])
	}
}

func arrivalsREST(t *testing.T, start Start) {
	none := http.Header{}
	key := http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"k"}}
	for name, c := range map[string]struct {
		method, path, body string
		header             http.Header
		policy             *graph.Policy
		most               int32
	}{
		"prediction":              {http.MethodPost, "/api/v1.0/predictions", deadly, none, nil, 1},
		"large prediction":        {http.MethodPost, "/api/v1.0/predictions", deadly + strings.Repeat(" ", 300_000), none, nil, 1},
		"with a key":              {http.MethodPost, "/api/v1.0/predictions", deadly, key, nil, 1},
		"feedback":                {http.MethodPost, "/api/v1.0/feedback", deadly, none, nil, 1},
		"question":                {http.MethodGet, "/api/v1.0/metadata/a", "", none, nil, 1},
		"three attempts":          {http.MethodPost, "/api/v1.0/predictions", deadly, none, &graph.Policy{Retries: &graph.Retries{Attempts: 3}}, 3},
		"three attempts and more": {http.MethodPost, "/api/v1.0/predictions", deadly, key, &graph.Policy{Retries: &graph.Retries{Attempts: 3}, Hedge: &graph.Hedge{MaxPercent: 100}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 10, 64} {
				w := startWorkers(t)
				node := graph.Node{Name: "a", Type: graph.Model, Policy: c.policy, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port(t, w.address)}}
				e := start(t, launchOf(t, "seldon", node))
				w.idle(t, e, n)
				r := request(t, c.method, "http://"+e.REST+c.path, c.body)
				r.Header = c.header.Clone()
				r.Header.Set("Content-Type", "application/json")
				if _, _, err := do(r); err == nil {
					t.Error("a request that nobody answered succeeded")
				}
				hedges := int32(sample(t, e, `radiant_executor_hedges_total{model_name="a"}`))
				if got := w.killed.Load(); got < 1 || got > c.most+hedges {
					t.Errorf("with %d idle connections it arrived %d times; %d hedges", n, got, hedges)
				}
			}
		})
	}
}

// sample is the value of a series, 0 if there is none.
func sample(t *testing.T, e Executor, series string) float64 {
	t.Helper()
	text, _, err := get(soon(t), "http://"+e.REST+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return n
		}
	}
	return 0
}

// rpcWorkers is such a component over gRPC.
type rpcWorkers struct {
	net.Listener
	conns  sync.Map // address of the client -> net.Conn
	killed atomic.Int32
}

func (w *rpcWorkers) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err == nil {
		w.conns.Store(conn.RemoteAddr().String(), conn)
	}
	return conn, err
}

func (w *rpcWorkers) answer(_ any, stream grpc.ServerStream) error {
	var body []byte
	if err := stream.RecvMsg(&body); err != nil {
		return err
	}
	if !bytes.Contains(body, []byte(deadly)) {
		return stream.SendMsg([]byte{})
	}
	w.killed.Add(1)
	from, _ := peer.FromContext(stream.Context())
	if conn, ok := w.conns.Load(from.Addr.String()); ok {
		_ = conn.(net.Conn).Close()
	}
	return nil
}

// keptCodec hands received bytes over as they are.
type keptCodec struct{ bytesCodec }

func (keptCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}

func arrivalsRPC(t *testing.T, start Start) {
	for name, c := range map[string]struct {
		policy *graph.Policy
		most   int32
	}{
		"no policy":      {nil, 1},
		"three attempts": {&graph.Policy{Retries: &graph.Retries{Attempts: 3}}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			w := &rpcWorkers{Listener: l}
			s := grpc.NewServer(grpc.ForceServerCodecV2(keptCodec{}), grpc.UnknownServiceHandler(w.answer))
			go func() { _ = s.Serve(w) }()
			t.Cleanup(s.Stop)
			node := graph.Node{Name: "a", Type: graph.Model, Policy: c.policy, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", GRPCPort: port(t, l.Addr().String())}}
			e := start(t, launchOf(t, "seldon", node))
			ask := func(text string) error {
				return invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_StrData{StrData: text}}, &seldon.SeldonMessage{})
			}
			for range 64 {
				if err := ask("x"); err != nil {
					t.Fatal(err)
				}
			}
			if err := ask(deadly); grpcstatus.Code(err) != codes.Unavailable {
				t.Errorf("error is %v", err)
			}
			if got := w.killed.Load(); got < 1 || got > c.most {
				t.Errorf("it arrived %d times", got)
			}
		})
	}
}

// ledElsewhere leads a request on to another server, which must not get what
// the client sent, its credentials above all.
func ledElsewhere(t *testing.T, start Start) {
	var asked, led atomic.Int32
	other := serving(t, func(http.ResponseWriter, *http.Request) { led.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		asked.Store(0)
		component := serving(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", "http://"+other+"/predict")
			w.WriteHeader(status)
		})
		node := graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port(t, component)}}
		e := start(t, launchOf(t, "seldon", node))
		r := request(t, http.MethodPost, predictions(e), `{}`)
		r.Header.Set("Authorization", "Bearer x")
		_, _, err := do(r)
		failed(t, wire{}, err, failure{http.StatusInternalServerError, codes.OK, `node "a": predict: `})
		if asked.Load() != 1 || led.Load() != 0 {
			t.Errorf("status %d: the component was asked %d times, the other %d times", status, asked.Load(), led.Load())
		}
	}
}

// serving is the address of a server.
func serving(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	return l.Addr().String()
}
