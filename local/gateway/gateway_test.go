package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/local/localtest"
	"github.com/prime-radiant/radiant/local/process"
)

// startGateway serves the list and returns the address.
func startGateway(t *testing.T, random func(int) int, list ...*Deployment) (*Gateway, string) {
	t.Helper()
	listeners, port, err := Listen(0, process.PortOwner)
	if err != nil {
		t.Fatal(err)
	}
	g := New(random)
	g.Set(list)
	g.Serve(listeners)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		g.Stop(ctx)
	})
	return g, "localhost:" + strconv.Itoa(port)
}

func always() bool  { return true }
func never() bool   { return false }
func first(int) int { return 0 }

// restBackend is a backend whose server is the handler.
func restBackend(t *testing.T, name string, handler http.HandlerFunc) *Backend {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return NewBackend(name, Addresses{HTTP: server.Listener.Addr().String(), Metrics: "/prometheus"}, always)
}

func respond(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); io.WriteString(w, text) }
}

func single(name string, b *Backend) *Deployment {
	return &Deployment{Namespace: "default", Name: name, Shares: []Share{{Backend: b}}}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestTheGatewayHandsRequestsOnAsTheyAre(t *testing.T) {
	var got *http.Request
	var body string
	b := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, body = r, string(text)
		w.Header().Set("X-Model", "m")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "<&>")
	})
	_, address := startGateway(t, first, single("mnist", b))
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/seldon/default/mnist/v1/models/a%2Fb:predict?x=1;y&z=%20", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	type result struct {
		Path, Query, Host, Forwarded, Type, Body string
		Status                                   int
		Model, Answer                            string
	}
	want := result{"/v1/models/a%2Fb:predict", "x=1;y&z=%20", address, "192.0.2.1", "application/json; charset=utf-8", `{"a":1}`, http.StatusTeapot, "m", "<&>"}
	have := result{got.URL.EscapedPath(), got.URL.RawQuery, got.Host, got.Header.Get("X-Forwarded-For"), got.Header.Get("Content-Type"), body,
		response.StatusCode, response.Header.Get("X-Model"), string(text)}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsNotServed(t *testing.T) {
	sleeping := NewBackend("main", Addresses{HTTP: "127.0.0.1:1", GRPC: "127.0.0.1:1"}, never)
	gone := NewBackend("main", Addresses{HTTP: "127.0.0.1:1", GRPC: "127.0.0.1:1"}, always)
	asleep := single("asleep", sleeping)
	asleep.Why = func() string { return "asleep/main/clf is starting" }
	_, address := startGateway(t, first, asleep, single("gone", gone), &Deployment{Namespace: "default", Name: "empty", Protocol: "seldon"})
	for _, one := range []struct {
		path string
		code int
		want []string
	}{
		{"/seldon/default/nobody/api/v1.0/predictions", 404, []string{"no deployment is served at /seldon/default/nobody/api", `"/seldon/default/asleep/"`}},
		{"/api/v1.0/predictions", 404, []string{`"/seldon/default/gone/"`}},
		{"/seldon/default/asleep/x", 503, []string{"predictor main of deployment default/asleep is not ready: asleep/main/clf is starting"}},
		{"/seldon/default/empty/x", 503, []string{"deployment default/empty is not ready yet", `"status": "FAILURE"`, `"code": 503`, `"info": "deployment`}},
		{"/seldon/default/gone/x", 503, []string{"predictor main of deployment default/gone", "refused"}},
		{"/", 200, []string{`"path": "/seldon/default/asleep/"`, `"weight": 100`, `"ready": false`, `"ready": true`}},
	} {
		code, body := get(t, "http://"+address+one.path)
		if code != one.code || !json.Valid([]byte(body)) {
			t.Errorf("%s: status %d, body %s; want status %d and JSON", one.path, code, body, one.code)
		}
		for _, want := range one.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: %q is not in %s", one.path, want, body)
			}
		}
	}
}

func TestTrafficIsSplitByWeight(t *testing.T) {
	next := 0
	random := func(n int) int { next++; return (next - 1) % n }
	a, b := restBackend(t, "a", respond("a")), restBackend(t, "b", respond("b"))
	idle := restBackend(t, "idle", respond("idle"))
	_, address := startGateway(t, random, &Deployment{Namespace: "default", Name: "ab", Shares: []Share{{a, 75}, {idle, 0}, {b, 25}}})
	count := map[string]int{}
	for range 200 {
		_, body := get(t, "http://"+address+"/seldon/default/ab/x")
		count[body]++
	}
	if diff := cmp.Diff(map[string]int{"a": 150, "b": 50}, count); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestAShadowGetsCopiesAndIsNeverSeen(t *testing.T) {
	main := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(append([]byte("main "), body...))
	})
	seen := make(chan string, 10)
	shadow := restBackend(t, "shadow", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r.URL.Path + " " + r.Header.Get("X-Id") + " " + string(body)
		http.Error(w, "the shadow is broken", http.StatusInternalServerError)
	})
	one := single("mirrored", main)
	one.Shadow, one.Percent = shadow, 100
	_, address := startGateway(t, first, one)
	url := "http://" + address + "/seldon/default/mirrored/predict"
	for i := range 3 {
		r, _ := http.NewRequest(http.MethodPost, url, strings.NewReader("body "+strconv.Itoa(i)))
		r.Header.Set("X-Id", strconv.Itoa(i))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if want := fmt.Sprintf("main body %d", i); response.StatusCode != 200 || string(answer) != want {
			t.Errorf("answer %d %q, want %q", response.StatusCode, answer, want)
		}
		if got, want := <-seen, fmt.Sprintf("/predict %d body %d", i, i); got != want {
			t.Errorf("the shadow got %q, want %q", got, want)
		}
	}
}

func TestAShadowThatHangsHoldsNobodyUp(t *testing.T) {
	release := make(chan struct{})
	var arrived atomic.Int64
	shadow := restBackend(t, "shadow", func(w http.ResponseWriter, r *http.Request) { arrived.Add(1); <-release })
	defer close(release)
	one := single("mirrored", restBackend(t, "main", respond("main")))
	one.Shadow, one.Percent = shadow, 100
	_, address := startGateway(t, first, one)
	for range 2 * mirrorsAtOnce {
		if code, body := get(t, "http://"+address+"/seldon/default/mirrored/predict"); code != 200 || body != "main" {
			t.Fatalf("answer %d %q", code, body)
		}
	}
	if n := arrived.Load(); n > mirrorsAtOnce {
		t.Errorf("%d copies were on their way at once, want at most %d", n, mirrorsAtOnce)
	}
}

func TestPartOfTheTrafficIsMirrored(t *testing.T) {
	var copies atomic.Int64
	next := 0
	random := func(n int) int { next++; return (next - 1) % n }
	shadow := restBackend(t, "shadow", func(w http.ResponseWriter, r *http.Request) { copies.Add(1) })
	one := &Deployment{Namespace: "default", Name: "m", Shares: []Share{{restBackend(t, "main", respond("")), 0}}, Shadow: shadow, Percent: 30}
	_, address := startGateway(t, random, one)
	for range 100 {
		get(t, "http://"+address+"/seldon/default/m/predict")
	}
	localtest.Eventually(t, "30 copies have arrived", func() bool { return copies.Load() == 30 })
}

func TestLargeBodiesPassAndAreNotMirrored(t *testing.T) {
	var copies atomic.Int64
	main := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})
	one := single("big", main)
	one.Shadow, one.Percent = restBackend(t, "shadow", func(http.ResponseWriter, *http.Request) { copies.Add(1) }), 100
	_, address := startGateway(t, first, one)
	const size = largestMirrored + 1
	for _, body := range []io.Reader{bytes.NewReader(make([]byte, size)), io.LimitReader(zeros{}, size)} {
		response, err := http.Post("http://"+address+"/seldon/default/big/x", "application/octet-stream", body)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(text) != strconv.Itoa(size) {
			t.Errorf("%s bytes arrived, want %d", text, size)
		}
	}
	if n := copies.Load(); n != 0 {
		t.Errorf("%d bodies over the limit were copied", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnswersStream(t *testing.T) {
	step := make(chan struct{})
	b := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(3*len("part 0\n")))
		for i := range 3 {
			fmt.Fprintf(w, "part %d\n", i)
			w.(http.Flusher).Flush()
			<-step
		}
	})
	_, address := startGateway(t, first, single("s", b))
	response, err := http.Get("http://" + address + "/seldon/default/s/x")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for i := range 3 {
		part := make([]byte, len("part 0\n"))
		if _, err := io.ReadFull(response.Body, part); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("part %d\n", i); string(part) != want {
			t.Errorf("got %q, want %q", part, want)
		}
		step <- struct{}{}
	}
}

func TestAClientThatLeavesCancelsTheWork(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	b := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
		close(left)
	})
	_, address := startGateway(t, first, single("c", b))
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/seldon/default/c/x", strings.NewReader("x"))
	go func() { <-arrived; cancel() }()
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Error("there was an answer")
	}
	select {
	case <-left:
	case <-time.After(localtest.Patience):
		t.Error("the work was not cancelled")
	}
}

func TestNoRequestIsLostWhenBackendsChange(t *testing.T) {
	backends := []*Backend{restBackend(t, "a", respond("ok")), restBackend(t, "b", respond("ok"))}
	g, address := startGateway(t, first, single("m", backends[0]))
	var wg sync.WaitGroup
	var answers atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if code, body := get(t, "http://"+address+"/seldon/default/m/x"); code != 200 || body != "ok" {
					t.Errorf("answer %d %q", code, body)
					return
				}
				answers.Add(1)
			}
		})
	}
	for i := range 50 {
		before := answers.Load()
		localtest.Eventually(t, "requests are answered", func() bool { return answers.Load() > before || t.Failed() })
		old := backends[i%2]
		backends[(i+1)%2] = NewBackend("x", Addresses{HTTP: backends[(i+1)%2].at.HTTP}, always)
		g.Set([]*Deployment{single("m", backends[(i+1)%2])})
		old.Retire(localtest.Patience)
		if old.acquire() {
			t.Error("a retired backend let a request in")
		}
	}
	close(stop)
	wg.Wait()
}

func TestAPortThatIsTakenNamesItsOwner(t *testing.T) {
	for _, family := range []string{"tcp4", "tcp6"} {
		host := map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[family]
		l, err := net.Listen(family, host)
		if err != nil {
			t.Logf("%s is not to be had here: %v", family, err)
			continue
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		_, _, err = Listen(port, process.PortOwner)
		if err == nil {
			t.Fatalf("%s: no error", family)
		}
		for _, want := range []string{fmt.Sprintf("port %d on localhost is taken by gateway.test (process ", port), "--port"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %q", family, want, err)
			}
		}
	}
}

func TestARootLeadsToItsFolder(t *testing.T) {
	backend := restBackend(t, "main", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	})
	_, address := startGateway(t, first, single("d", backend))
	for accept, want := range map[string]string{"text/html,*/*;q=0.8": "/seldon/default/d/", "*/*": ""} {
		r, err := http.NewRequest(http.MethodGet, "http://"+address+"/seldon/default/d", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.Header.Get("Location") != want {
			t.Errorf("%s: %d leads to %q, want %q", accept, answer.StatusCode, answer.Header.Get("Location"), want)
		}
	}
}
