package policy

import (
	"cmp"
	"container/list"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// Cache keeps answers for a time, up to a number of bytes. What has not been asked
// for longest goes first. It is for several goroutines, and does not know what an
// answer is.
type Cache[A any] struct {
	ttl   time.Duration
	most  int64
	meter *CacheMeter

	mu      sync.Mutex
	entries map[Key]*list.Element
	// used begins with what was asked for last.
	used  *list.List
	bytes int64
}

// Key is the digest of all that an answer depends on.
type Key [sha256.Size]byte

type entry[A any] struct {
	key    Key
	answer A
	size   int64
	until  time.Time
}

const (
	// cacheBytes is the bound that a user left out.
	cacheBytes = 16 << 20
	// entryBytes is about what an entry takes besides its answer.
	entryBytes = 512
)

// NewCache makes what a user wrote, after [graph.Policy.Problems] found none. meter
// may be nil.
func NewCache[A any](g *graph.Cache, meter *CacheMeter) (*Cache[A], error) {
	ttl, err := time.ParseDuration(g.TTL)
	if err != nil {
		return nil, fmt.Errorf("policy.cache.ttl: %w", err)
	}
	return &Cache[A]{ttl: ttl, most: cmp.Or(g.MaxBytes, cacheBytes), meter: meter, entries: map[Key]*list.Element{}, used: list.New()}, nil
}

// Find returns the answer with this key, unless there is none or its time is over.
func (c *Cache[A]) Find(key Key) (answer A, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if ok && !time.Now().Before(e.Value.(*entry[A]).until) {
		c.remove(e)
		ok = false
	}
	c.meter.asked(ok)
	if !ok {
		return answer, false
	}
	c.used.MoveToFront(e)
	return e.Value.(*entry[A]).answer, true
}

// Keep keeps an answer of so many bytes, in the place of an older one with the key.
// One that alone takes more than there is room for is not kept.
func (c *Cache[A]) Keep(key Key, answer A, size int64) {
	size += entryBytes
	if size > c.most {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[key]; ok {
		c.remove(old)
	}
	for c.bytes+size > c.most {
		c.remove(c.used.Back())
	}
	c.entries[key] = c.used.PushFront(&entry[A]{key, answer, size, time.Now().Add(c.ttl)})
	c.bytes += size
	c.meter.holds(c.bytes)
}

func (c *Cache[A]) remove(e *list.Element) {
	old := c.used.Remove(e).(*entry[A])
	delete(c.entries, old.key)
	c.bytes -= old.size
	c.meter.holds(c.bytes)
}
