package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/executor/message"
)

// stage is how far a record has come.
type stage uint8

const (
	waiting stage = iota
	// walking is in the graph.
	walking
	// answered has something to send, or nothing.
	answered
	// settled was acknowledged by the brokers, or has nothing to send.
	settled
	// dropped is left to whoever reads the partition next.
	dropped
)

// entry is a record on its way.
type entry struct {
	in        *kgo.Record
	partition *partition
	lease     *message.Lease
	// out is what to send; nil: nothing.
	out *kgo.Record
	// failure is true if out tells of one.
	failure bool
	puid    string
	stage   stage
	bytes   int
}

// partition holds the records of one partition that are under way, in the
// order of their offsets. Answers leave in that order, whichever is found
// first, and what is committed is all up to the first that has not been
// acknowledged.
type partition struct {
	// ctx ends when the partition is given up.
	ctx    context.Context
	cancel context.CancelFunc
	does   duties

	mu      sync.Mutex
	entries []*entry
	// sent of the entries, from the first, were handed to the producer.
	sent int
	// closing takes no more records; empty is closed once none is left.
	closing bool
	empty   chan struct{}
}

// duties are what a partition has done by others, who must not call it back at
// once.
type duties struct {
	// send hands an answer to the producer, which keeps the order.
	send func(e *entry)
	// mark names the record up to which all is done.
	mark func(r *kgo.Record)
	// release frees what an entry holds.
	release func(e *entry)
}

func newPartition(ctx context.Context, does duties) *partition {
	p := &partition{does: does, empty: make(chan struct{})}
	p.ctx, p.cancel = context.WithCancel(ctx)
	return p
}

// add takes a record that follows those before.
func (p *partition) add(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.partition = p
	if p.closing {
		e.stage = dropped
		return
	}
	p.entries = append(p.entries, e)
}

// begin reports whether the entry is to be walked; if not, it was dropped.
func (p *partition) begin(e *entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.stage == dropped {
		return false
	}
	e.stage = walking
	return true
}

// answer takes what came of an entry, and sends what is due. It reports false
// if the entry was dropped, and is for the caller to release.
func (p *partition) answer(e *entry, out *kgo.Record, failure bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.stage == dropped {
		return false
	}
	e.out, e.failure, e.stage = out, failure, answered
	for ; p.sent < len(p.entries) && p.entries[p.sent].stage == answered; p.sent++ {
		if next := p.entries[p.sent]; next.out != nil {
			p.does.send(next)
		} else {
			next.stage = settled
		}
	}
	p.advance()
	return true
}

// resend sends an answer once more, or another in its place. It reports false
// as answer does.
func (p *partition) resend(e *entry, out *kgo.Record, failure bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.stage == dropped {
		return false
	}
	if e.out, e.failure = out, failure; out != nil {
		p.does.send(e)
		return true
	}
	e.stage = settled
	p.advance()
	return true
}

// settle marks an entry whose answer the broker has acknowledged. Like answer, it
// reports false when the partition no longer belongs to this consumer.
func (p *partition) settle(e *entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.stage == dropped {
		return false
	}
	e.stage = settled
	p.advance()
	return true
}

// advance forgets the entries that are done, up to the first that is not.
func (p *partition) advance() {
	n := 0
	for n < len(p.entries) && p.entries[n].stage == settled {
		n++
	}
	if n > 0 {
		p.does.mark(p.entries[n-1].in)
		for i, e := range p.entries[:n] {
			p.does.release(e)
			p.entries[i] = nil
		}
		p.entries = p.entries[n:]
		p.sent -= n
	}
	if p.closing && len(p.entries) == 0 {
		p.close()
	}
}

// finish drops the records that nobody has begun, and those after them.
// [partition.empty] tells when the others are done.
func (p *partition) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	n := 0
	for n < len(p.entries) && p.entries[n].stage != waiting {
		n++
	}
	p.drop(n)
}

// abandon drops all records and ends the calls made for them.
func (p *partition) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = true
	p.drop(0)
	p.cancel()
}

// drop forgets the entries from the n-th on. Those that a worker or the
// producer has are released by them.
func (p *partition) drop(n int) {
	for i, e := range p.entries[n:] {
		if e.stage == settled || e.stage == answered && n+i >= p.sent {
			p.does.release(e)
		}
		e.stage = dropped
	}
	p.entries = p.entries[:n]
	p.sent = min(p.sent, n)
	if n == 0 {
		p.close()
	}
}

func (p *partition) close() {
	select {
	case <-p.empty:
	default:
		close(p.empty)
	}
}
