package message

import (
	"strings"
	"testing"
)

// TestSmallBodiesHoldLittle reads small bodies when large ones have left their buffers.
func TestSmallBodiesHoldLittle(t *testing.T) {
	var pool Pool
	for _, size := range []int{900_000, 3000, Small - 1, Small, 900_000, 10_000} {
		lease := pool.Lease()
		lease.Recycle(func(b []byte) ([]byte, string, bool) { return b, "", true })
		if _, err := lease.ReadAll(strings.NewReader(strings.Repeat("x", size)), int64(size), 1<<20); err != nil {
			t.Fatal(err)
		}
		if n := cap(*lease.held[0]); size < Small && n > Small {
			t.Errorf("a body of %d bytes holds %d", size, n)
		}
		lease.Release()
	}
}

// TestLargeHeadersAreNotKept reads the room that a lease keeps for the next request.
func TestLargeHeadersAreNotKept(t *testing.T) {
	var pool Pool
	for _, size := range []int{1000, mostLines, 1 << 20} {
		lease := pool.Lease()
		if _, ok := lease.Recycle(func(b []byte) ([]byte, string, bool) { return append(b, make([]byte, size)...), "", true }); !ok {
			t.Fatal("it is not recycled")
		}
		lease.Release()
		if n := cap(lease.header.lines); n > mostLines {
			t.Errorf("%d bytes are kept of a header of %d", n, size)
		}
	}
}
