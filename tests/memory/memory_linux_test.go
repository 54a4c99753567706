// Package memory runs the executor in a control group with the limit that its
// container gets, and sends it what is large.
package memory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/executor/memory"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

const mega = 1 << 20

// built is the executor, built once.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := programs.Folder("executor")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	built = filepath.Join(dir, "executor")
	return m.Run()
}

// executor is one in a control group.
type executor struct {
	url, grpc string
	pid       int
	group     *group
}

// begin starts an executor before a component of the graph's.
func begin(t *testing.T, outside string, g graph.Node, args ...string) *executor {
	t.Helper()
	e := &executor{group: newGroup(t)}
	predictor, err := json.Marshal(map[string]any{"name": "main", "graph": g})
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"--sdep", "s", "--namespace", "n", "--predictor", "main", "--protocol", outside, "--http_port", "0", "--grpc_port", "0"}, args...)
	line := e.group.enter(built, args)
	c := exec.Command(line[0], line[1:]...)
	c.Env = []string{"ENGINE_PREDICTOR=" + base64.StdEncoding.EncodeToString(predictor)}
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	e.pid = c.Process.Pid
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	var first struct{ REST, GRPC string }
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &first) != nil || first.REST == "" {
		t.Fatalf("executor: %s", lines.Text())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "panic") {
				t.Error(lines.Text())
			}
		}
		_ = c.Wait()
	}()
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGKILL)
		<-ended
	})
	loopback := func(a string) string { return "127.0.0.1" + a[strings.LastIndexByte(a, ':'):] }
	e.url, e.grpc = "http://"+loopback(first.REST), loopback(first.GRPC)
	return e
}

// survived checks that the kernel killed nothing.
func (e *executor) survived(t *testing.T) {
	t.Helper()
	if n := e.group.killed(t); n > 0 || !alive(e.pid) {
		t.Fatalf("the kernel killed %d processes", n)
	}
}

// taking is how much more memory the executor takes at most while f runs.
func (e *executor) taking(t *testing.T, f func()) int64 {
	t.Helper()
	// What came before is over when its memory is.
	for range 20 {
		if now, _ := resident(t, e.pid); now < 40*mega {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	resetPeak(t, e.pid)
	before, _ := resident(t, e.pid)
	f()
	e.survived(t)
	_, most := resident(t, e.pid)
	return most - before
}

// component answers what a request's header Answer asks for: "echo", a number
// of bytes, "endless", or else a small message.
func component(t *testing.T) (port int32, received *atomic.Int64) {
	t.Helper()
	received = &atomic.Int64{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch how := r.Header.Get("Answer"); how {
		case "echo":
			w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
			body, _ := io.ReadAll(r.Body)
			received.Add(int64(len(body)))
			_, _ = w.Write(body)
			return
		case "endless":
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "":
		default:
			size, _ := strconv.ParseInt(how, 10, 64)
			w.Header().Set("Content-Length", how)
			_, _ = io.CopyN(w, spaces{}, size)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		received.Add(n)
		_, _ = io.WriteString(w, `{"model_name":"m","outputs":[{"name":"o","datatype":"FP64","shape":[1],"data":[1]}]}`)
	})}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return int32(l.Addr().(*net.TCPAddr).Port), received
}

// spaces is an endless text.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func node(port int32, protocol string) graph.Node {
	return graph.Node{Name: "a", Type: graph.Model, Endpoint: &graph.Endpoint{ServiceHost: "127.0.0.1", HTTPPort: port, Protocol: protocol}}
}

// client keeps no connection, so that what one holds is gone with the answer.
func client() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

type ask struct {
	body     io.Reader
	size     int64
	answer   string
	encoding string
}

// predict sends a request and returns the status and how many bytes were
// answered.
func predict(ctx context.Context, e *executor, a ask) (status int, answered int64, header http.Header, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+"/api/v1.0/predictions", a.body)
	if err != nil {
		return 0, 0, nil, err
	}
	r.ContentLength = a.size
	r.Header.Set("Content-Type", "application/json")
	if a.answer != "" {
		r.Header.Set("Answer", a.answer)
	}
	if a.encoding != "" {
		r.Header.Set("Content-Encoding", a.encoding)
	}
	response, err := client().Do(r)
	if err != nil {
		return 0, 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answered, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, answered, response.Header, err
}

// table is a seldon message with rows of numbers, of about so many bytes.
func table(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data":{"ndarray":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "[%.12f,%.12f,%.12f,%.12f]", float64(i)/7, float64(i)/11, float64(i)/13, float64(i)/17)
	}
	b.WriteString(`]}}`)
	return b.Bytes()
}

// TestWhatAMessageTakes measures the memory that one message of each kind takes.
func TestWhatAMessageTakes(t *testing.T) {
	port, _ := component(t)
	plain := begin(t, "seldon", node(port, ""))
	foreign := begin(t, "seldon", node(port, "v2"))
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, spaces{}, 100*mega)
	_ = z.Close()
	rows := table(30 * mega)
	for _, c := range []struct {
		name     string
		executor *executor
		ask      func() ask
		// size is that of the message which counts, times how often it may be
		// taken.
		size   int64
		times  float64
		status int
	}{
		{"99 MB are forwarded", plain, func() ask { return ask{io.LimitReader(spaces{}, 99*mega), 99 * mega, "", ""} }, 99 * mega, 1.3, 200},
		{"99 MB in chunks are forwarded", plain, func() ask { return ask{io.LimitReader(spaces{}, 99*mega), -1, "", ""} }, 99 * mega, 1.3, 200},
		{"200 MB are answered", plain, func() ask { return ask{strings.NewReader("{}"), 2, strconv.Itoa(200 * mega), ""} }, 200 * mega, 1.3, 200},
		{"99 MB there and back", plain, func() ask { return ask{io.LimitReader(spaces{}, 99*mega), 99 * mega, "echo", ""} }, 198 * mega, 1.3, 200},
		{"an answer without an end", plain, func() ask { return ask{strings.NewReader("{}"), 2, "endless", ""} }, memory.DefaultBudget(limited), 1.1, 500},
		{"30 MB are translated", foreign, func() ask { return ask{bytes.NewReader(rows), int64(len(rows)), "", ""} }, int64(len(rows)), 2.2, 200},
		{"100 kB of gzip", foreign, func() ask { return ask{bytes.NewReader(bomb.Bytes()), int64(bomb.Len()), "", "gzip"} }, 100 * mega, 3, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			var status int
			var err error
			took := c.executor.taking(t, func() { status, _, _, err = predict(t.Context(), c.executor, c.ask()) })
			t.Logf("%d MB, %.2f times the message", took/mega, float64(took)/float64(c.size))
			if err != nil || status != c.status {
				t.Errorf("status is %d, %v, want %d", status, err, c.status)
			}
			if float64(took) > c.times*float64(c.size)+8*mega {
				t.Errorf("it took %d MB, more than %.1f times %d MB", took/mega, c.times, c.size/mega)
			}
		})
	}
}

// many is how many clients send and receive how much: in the long form all that
// an executor takes of a client.
func many() (clients int, size int64) {
	if long.Asked() {
		return 100, 100 * mega
	}
	return 24, 40 * mega
}

// TestManyLargeMessages has many clients send and receive large messages at
// once. Some are answered, the others are told to come later.
func TestManyLargeMessages(t *testing.T) {
	clients, size := many()
	port, _ := component(t)
	e := begin(t, "seldon", node(port, ""))
	resetPeak(t, e.pid)
	type outcome struct {
		status   int
		answered int64
		header   http.Header
		err      error
	}
	results := make(chan outcome, clients)
	for range clients {
		go func() {
			var o outcome
			o.status, o.answered, o.header, o.err = predict(t.Context(), e, ask{io.LimitReader(spaces{}, size), size, "echo", ""})
			results <- o
		}()
	}
	count := map[int]int{}
	for range clients {
		o := <-results
		count[o.status]++
		switch {
		case o.err != nil:
			t.Errorf("a client was told nothing: %v", o.err)
		case o.status == http.StatusOK && o.answered != size:
			t.Errorf("an answer has %d bytes", o.answered)
		case o.status == http.StatusServiceUnavailable && o.header.Get("Retry-After") == "":
			t.Error("Retry-After is missing")
		case o.status != http.StatusOK && o.status != http.StatusServiceUnavailable:
			t.Errorf("status is %d", o.status)
		}
	}
	e.survived(t)
	_, most := resident(t, e.pid)
	t.Logf("%d clients with %d MB each: %v; the executor took %d MB at most", clients, size/mega, count, most/mega)
	if count[http.StatusOK] == 0 {
		t.Error("nobody was answered")
	}
	if status, _, _, err := predict(t.Context(), e, ask{strings.NewReader("{}"), 2, "", ""}); err != nil || status != http.StatusOK {
		t.Errorf("afterwards: %d, %v", status, err)
	}
}
