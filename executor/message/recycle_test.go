package message

import "testing"

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
