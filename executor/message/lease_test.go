package message

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

func TestReadAll(t *testing.T) {
	var pool Pool
	big := strings.Repeat("0123456789", 300_000)
	for name, c := range map[string]struct {
		r           io.Reader
		size, limit int64
		want        string
		err         error
	}{
		"sized":             {strings.NewReader("abc"), 3, 10, "abc", nil},
		"unsized":           {strings.NewReader("abc"), -1, 10, "abc", nil},
		"byte by byte":      {iotest.OneByteReader(strings.NewReader(big[:5000])), -1, 5000, big[:5000], nil},
		"large":             {strings.NewReader(big), int64(len(big)), 1 << 30, big, nil},
		"large, no size":    {strings.NewReader(big), -1, 1 << 30, big, nil},
		"announced large":   {strings.NewReader("abc"), 11, 10, "", ErrTooLarge},
		"secretly large":    {strings.NewReader(big), -1, 100, "", ErrTooLarge},
		"more than it said": {strings.NewReader("abcdef"), 3, 10, "abcdef", nil},
		"at the edge":       {strings.NewReader(big[:Small]), -1, 1 << 20, big[:Small], nil},
		"below the edge":    {strings.NewReader(big[:Small-1]), -1, 1 << 20, big[:Small-1], nil},
		"broken":            {iotest.ErrReader(io.ErrUnexpectedEOF), -1, 10, "", io.ErrUnexpectedEOF},
		"empty":             {strings.NewReader(""), -1, 10, "", nil},
	} {
		lease := pool.Lease()
		got, err := lease.ReadAll(c.r, c.size, c.limit)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %d bytes and %v", name, len(got), err)
		}
		lease.Release()
	}
}

// The word of a client alone reserves little.
func TestAnnouncedIsNotReserved(t *testing.T) {
	var pool Pool
	lease := pool.Lease()
	defer lease.Release()
	if got, err := lease.ReadAll(strings.NewReader("x"), 100<<20, 1<<30); string(got) != "x" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	if n := cap(*lease.held[0]); n > 128<<10 {
		t.Errorf("%d bytes were reserved for one", n)
	}
}

// A buffer is used again only after the last reference is gone.
func TestLeaseKeepsBuffers(t *testing.T) {
	var pool Pool
	lease := pool.Lease()
	text := strings.Repeat("kept", Small)
	kept, err := lease.ReadAll(strings.NewReader(text), int64(len(text)), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	lease.Retain()
	lease.Release()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			other := pool.Lease()
			defer other.Release()
			if _, err := other.ReadAll(strings.NewReader(strings.Repeat("X", 1<<19)), 1<<19, 1<<20); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if !bytes.Equal(kept, []byte(text)) {
		t.Errorf("bytes changed to %.20q", kept)
	}
	lease.Release()
}

// TestBuffersAreUsedAgain reads bodies whose length is known, which no region is to
// take below a MiB.
func TestBuffersAreUsedAgain(t *testing.T) {
	text := strings.Repeat("kept", 250_000)
	regions := &mapped{}
	pool := Pool{Regions: regions}
	read := func() {
		lease := pool.Lease()
		defer lease.Release()
		if b, err := lease.ReadAll(strings.NewReader(text), int64(len(text)), 1<<20); err != nil || string(b) != text {
			t.Fatalf("%d bytes were read: %v", len(b), err)
		}
	}
	read()
	if regions.wrote != 0 {
		t.Errorf("%d bytes were written to regions", regions.wrote)
	}
	var before, after runtime.MemStats
	least := uint64(len(text))
	for range 20 {
		runtime.ReadMemStats(&before)
		read()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 10_000 {
		t.Errorf("a body takes %d bytes of new memory at least", least)
	}
}
