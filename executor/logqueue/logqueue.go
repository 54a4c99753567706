// Package logqueue writes log lines from a bounded queue, so that nobody who
// logs waits for who reads the log.
package logqueue

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// most bounds the lines that wait, mostBytes their size.
	most      = 4096
	mostBytes = 8 << 20
	// lastWords bounds the time that waiting lines have at the end.
	lastWords = time.Second
)

// Queue is a writer of whole lines that never blocks and never fails. A line
// that finds no room is dropped and counted; how many were is written when
// there is room again.
type Queue struct {
	out     io.Writer
	lines   chan []byte
	bytes   atomic.Int64
	dropped atomic.Int64
	closing sync.Once
	closed  chan struct{}
	done    chan struct{}
}

// New makes a queue in front of out.
func New(out io.Writer) *Queue {
	q := &Queue{out: out, lines: make(chan []byte, most), closed: make(chan struct{}), done: make(chan struct{})}
	go q.run()
	return q
}

// Write takes a line. It says that all was written, whatever becomes of it.
func (q *Queue) Write(line []byte) (int, error) {
	size := int64(len(line))
	if q.bytes.Add(size) > mostBytes {
		q.bytes.Add(-size)
		q.dropped.Add(1)
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.bytes.Add(-size)
		q.dropped.Add(1)
	}
	return len(line), nil
}

// Dropped is how many lines found no room so far.
func (q *Queue) Dropped() int64 { return q.dropped.Load() }

// Close writes what waits, for as long as a second. Lines that come later are
// dropped.
func (q *Queue) Close() {
	q.closing.Do(func() { close(q.closed) })
	select {
	case <-q.done:
	case <-time.After(lastWords):
	}
}

func (q *Queue) run() {
	defer close(q.done)
	told := int64(0)
	for {
		select {
		case line := <-q.lines:
			q.write(line)
		case <-q.closed:
			for len(q.lines) > 0 {
				q.write(<-q.lines)
			}
			return
		}
		if n := q.dropped.Load(); n > told && len(q.lines) == 0 {
			_, _ = fmt.Fprintf(q.out, `{"level":"WARN","msg":"log lines were dropped","lines":%d}`+"\n", n-told)
			told = n
		}
	}
}

// write drops what cannot be written: there is nobody to tell.
func (q *Queue) write(line []byte) {
	_, _ = q.out.Write(line)
	q.bytes.Add(-int64(len(line)))
}
