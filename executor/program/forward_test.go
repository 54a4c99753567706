package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/config"
)

// wire is a client's connection to an executor with one MODEL behind it. Both
// ends write bytes that are made beforehand, so that what is measured is the
// executor alone.
type wire struct {
	conn    net.Conn
	request []byte
	answer  []byte
	// ends is what an answer ends in.
	ends string
}

const forwarded = `{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}`

func forwarding(tb testing.TB) *wire {
	tb.Helper()
	return connect(tb, run(tb, componentPort(tb)))
}

// componentPort is the port of a component that answers each request by the
// same bytes.
func componentPort(tb testing.TB) int {
	tb.Helper()
	component, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = component.Close() })
	go serve(component)
	return component.Addr().(*net.TCPAddr).Port
}

// run starts an executor with one MODEL at the port and returns its address.
func run(tb testing.TB, port int, args ...string) string {
	tb.Helper()
	return runGraph(tb, at("m", "MODEL", port), args...)
}

// at is a node of a type whose server is at the port.
func at(name, kind string, port int, children ...string) string {
	return fmt.Sprintf(`{"name":%q,"type":%q,"endpoint":{"service_host":"127.0.0.1","httpPort":%d},"children":[%s]}`, name, kind, port, strings.Join(children, ","))
}

// runGraph starts an executor with a graph and returns its address.
func runGraph(tb testing.TB, graph string, args ...string) string {
	tb.Helper()
	predictor := fmt.Sprintf(`{"name":"p","graph":%s}`, graph)
	return start(tb, map[string]string{"ENGINE_PREDICTOR": base64.StdEncoding.EncodeToString([]byte(predictor)), "RADIANT_PODINFO": tb.TempDir()}, args...)
}

// start starts an executor with these variables and returns its address.
func start(tb testing.TB, vars map[string]string, args ...string) string {
	tb.Helper()
	env := func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	c, err := config.Load(append([]string{"--sdep=d", "--namespace=n", "--predictor=p", "--http_port=0", "--grpc_port=0"}, args...), env, io.Discard)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	listening, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- Run(ctx, c, io.Discard, func(rest, _ string) { listening <- rest }) }()
	var address string
	select {
	case address = <-listening:
	case err := <-done:
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return "127.0.0.1" + address[strings.LastIndexByte(address, ':'):]
}

func connect(tb testing.TB, address string) *wire {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &wire{conn: conn, ends: forwarded, answer: make([]byte, 4096), request: []byte("POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\nAccept: */*\r\n" +
		"Content-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(forwarded)) + "\r\n\r\n" + forwarded)}
}

// serve answers each request, most by the body that was sent, a router's by its first
// child, until the listener closes.
func serve(l net.Listener) {
	answers := []struct {
		begins, ends string
		answer       []byte
	}{
		{"GET ", "\r\n\r\n", []byte("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")},
		{"POST /route ", forwarded, answered(`{"data":{"names":["t:0"],"ndarray":[[0]]},"meta":{}}`)},
		{"POST /v1/models/", "}", answered(`{"predictions": [[5.1, 3.5, 1.4, 0.2]]}`)},
		{"POST ", forwarded, answered(forwarded)},
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			buffer, n := make([]byte, 4096), 0
			for {
				read, err := conn.Read(buffer[n:])
				if err != nil {
					return
				}
				n += read
				for _, a := range answers {
					if !bytes.HasPrefix(buffer, []byte(a.begins)) {
						continue
					}
					if !bytes.HasSuffix(buffer[:n], []byte(a.ends)) {
						break
					}
					n = 0
					if _, err := conn.Write(a.answer); err != nil {
						return
					}
					break
				}
			}
		}()
	}
}

// answered is an answer of JSON.
func answered(body string) []byte {
	return []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

func (w *wire) send(tb testing.TB) {
	if _, err := w.conn.Write(w.request); err != nil {
		tb.Fatal(err)
	}
	for n := 0; ; {
		read, err := w.conn.Read(w.answer[n:])
		if err != nil {
			tb.Fatal(err)
		}
		if n += read; bytes.HasSuffix(w.answer[:n], []byte(w.ends)) {
			return
		}
	}
}

// TestForwardAllocations counts what one REST request allocates in the whole
// process.
func TestForwardAllocations(t *testing.T) {
	port := componentPort(t)
	model := func(name string, children ...string) string { return at(name, "MODEL", port, children...) }
	combined := `"names":["t:0","t:1","t:2","t:3"],"ndarray":[[5.1,3.5,1.4,0.2]]},"meta":{}}`
	for name, c := range map[string]struct {
		graph, ends string
		args        []string
		most        float64
	}{
		"one model": {graph: model("m")},
		"scaled":    {graph: model("m"), args: []string{"--scaling", "--container_concurrency", "8"}},
		"chain":     {graph: model("a", model("b", model("c")))},
		"router":    {graph: at("r", "ROUTER", port, model("a"), model("b"))},
		"A/B test":  {graph: `{"name":"r","implementation":"RANDOM_ABTEST","parameters":[{"name":"ratioA","type":"FLOAT","value":"0.5"}],"children":[` + model("a") + "," + model("b") + `]}`},
		// What was read and what is written: none of it grows with the numbers.
		"translated": {
			graph: strings.Replace(model("m"), `"service_host"`, `"protocol":"tensorflow","service_host"`, 1),
			ends:  combined, most: mostTranslated,
		},
		"combined": {
			graph: `{"name":"f","implementation":"AVERAGE_COMBINER","children":[` + strings.Join([]string{model("a"), model("b"), model("c")}, ",") + `]}`,
			ends:  `"meta":{}}`, most: mostCombined,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := connect(t, runGraph(t, c.graph, c.args...))
			if c.ends != "" {
				w.ends = c.ends
			}
			w.send(t)
			answer, err := bufio.NewReader(bytes.NewReader(w.answer)).ReadString('\n')
			if err != nil || answer != "HTTP/1.1 200 OK\r\n" {
				t.Fatalf("answer is %q, %v", answer, err)
			}
			if raceDetector {
				return
			}
			// Ids of requests are made by the dozen, which is less than one allocation each.
			if n := testing.AllocsPerRun(500, func() { w.send(t) }); n > c.most {
				t.Errorf("a request allocates %v times", n)
			}
		})
	}
}

// What a request allocates that is translated, and one whose three answers are combined.
const (
	mostTranslated = 15
	mostCombined   = 30
)
