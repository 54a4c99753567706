package logqueue

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(p)
}

func TestBlockedLog(t *testing.T) {
	out := &gate{open: make(chan struct{})}
	q := New(out)
	const extra = 100
	for range most + extra {
		if n, err := q.Write([]byte("line\n")); n != 5 || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
	}
	// One line may be with the writer already.
	if n := q.Dropped(); n < extra-1 || n > extra {
		t.Errorf("%d lines were dropped", n)
	}
	start := time.Now()
	q.Close()
	if took := time.Since(start); took > 5*lastWords {
		t.Errorf("the end took %v", took)
	}
	close(out.open)
	<-q.done
	if n := strings.Count(out.text.String(), "line\n"); n < most {
		t.Errorf("%d lines were written", n)
	}
}

func TestDroppedLinesAreTold(t *testing.T) {
	out := &gate{open: make(chan struct{})}
	q := New(out)
	for range most + 50 {
		_, _ = q.Write([]byte("x\n"))
	}
	close(out.open)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		out.mu.Lock()
		told := strings.Contains(out.text.String(), `"log lines were dropped","lines":`)
		out.mu.Unlock()
		if told {
			return
		}
	}
	t.Error("nobody was told of the lines that are missing")
}

func TestLargeLines(t *testing.T) {
	out := &gate{open: make(chan struct{})}
	defer close(out.open)
	q := New(out)
	for range 100 {
		_, _ = q.Write(make([]byte, 1<<20))
	}
	if n := q.bytes.Load(); n > mostBytes {
		t.Errorf("%d bytes wait", n)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestBrokenLog(t *testing.T) {
	q := New(broken{})
	for range 3 * most {
		_, _ = q.Write([]byte("x\n"))
	}
	q.Close()
}
