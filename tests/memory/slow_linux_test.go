package memory

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// within is the time by which a client that does nothing is gone: a window and
// some looks.
const within = 30 * time.Second

// shown is the value of a metric.
func (e *executor) shown(t *testing.T, name string) string {
	t.Helper()
	response, err := http.Get(e.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), name+"{") {
			return lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:]
		}
	}
	return "nothing"
}

// TestSlowClients has clients that do not read, that read a byte now and then,
// and that send so. None keeps what it holds, and one that reads steadily is
// served to the end.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	port, _ := component(t)
	e := begin(t, "seldon", node(port, ""))
	const each = 10
	head := func(length int, answer string) string {
		return fmt.Sprintf("POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nAnswer: %s\r\nContent-Length: %d\r\n\r\n", answer, length)
	}
	// More than the kernel takes of an answer that nobody reads (tcp_wmem, 4 MB),
	// and all of them together well within the budget of messages, which is not
	// what this is about.
	large := strconv.Itoa(5 * mega)
	start := time.Now()
	told := make(chan string, each)
	for range each {
		// One does not read, one reads a byte a second, one sends so.
		for _, c := range []struct {
			first string
			drip  func(conn net.Conn)
		}{
			{head(2, large) + "{}", func(net.Conn) {}},
			{head(2, large) + "{}", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }},
			{head(100, ""), func(conn net.Conn) { _, _ = conn.Write([]byte(" ")) }},
		} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			_, _ = io.WriteString(conn, c.first)
			go func() {
				for time.Since(start) < within {
					c.drip(conn)
					time.Sleep(time.Second)
				}
			}()
			if c.first == head(100, "") {
				go func() {
					line, _ := bufio.NewReader(conn).ReadString('\n')
					told <- line
				}()
			}
		}
	}
	steady := make(chan error, 1)
	go func() {
		conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
		if err != nil {
			steady <- err
			return
		}
		defer func() { _ = conn.Close() }()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_, _ = io.WriteString(conn, head(2, strconv.Itoa(mega/2))+"{}")
		n := 0
		for n < mega/2 && err == nil {
			var m int
			m, err = conn.Read(make([]byte, 16<<10))
			n += m
			time.Sleep(100 * time.Millisecond)
		}
		steady <- err
	}()
	for range each {
		select {
		case line := <-told:
			if !strings.HasPrefix(line, "HTTP/1.1 408 ") {
				t.Errorf("a client that sends a byte a second is told %q", line)
			}
		case <-time.After(within):
			t.Fatalf("after %s, a client that sends a byte a second is still heard", within)
		}
	}
	for e.shown(t, "radiant_executor_message_bytes") != "0" && time.Since(start) < within {
		time.Sleep(time.Second)
	}
	t.Logf("after %s, messages take %s bytes and %s clients were cut off", time.Since(start).Round(time.Second),
		e.shown(t, "radiant_executor_message_bytes"), e.shown(t, "radiant_executor_slow_clients_total"))
	if held := e.shown(t, "radiant_executor_message_bytes"); held != "0" {
		t.Errorf("after %s, messages take %s bytes", within, held)
	}
	if cut := e.shown(t, "radiant_executor_slow_clients_total"); cut != strconv.Itoa(3*each) {
		t.Errorf("%s clients were cut off, want %d", cut, 3*each)
	}
	if err := <-steady; err != nil {
		t.Errorf("a client that reads slowly and steadily: %v", err)
	}
}
