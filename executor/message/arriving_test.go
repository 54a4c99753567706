package message

import (
	"bytes"
	"testing"
)

// A message that comes in pieces is whole, whatever memory it is in, and its
// memory is given back with the lease.
func TestArriving(t *testing.T) {
	for name, size := range map[string]int64{"nothing": 0, "small": 100, "recycled": Small, "a large one": 3 << 20, "a region": 5 << 20} {
		var taken int64
		budget, regions := &counted{taken: &taken}, &mapped{}
		pool := Pool{Budget: budget, Regions: regions}
		want := bytes.Repeat([]byte("0123456789abcdef"), int(size)/16+1)[:size]
		lease := pool.Lease()
		a := lease.Arriving(size)
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 10_000)
			if err := a.Add(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got := a.Done(); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes came as %d", name, len(want), len(got))
		}
		if got := a.Done(); got != nil {
			t.Errorf("%s: it is given twice", name)
		}
		if !lease.Owe(size) {
			t.Errorf("%s: the lease knows no budget", name)
		}
		lease.Release()
		if taken != -size || regions.out != 0 || (regions.wrote > 0) != (size > maxArriving) {
			t.Errorf("%s: %d bytes are given back, %d regions are out, %d bytes were written to them", name, -taken, regions.out, regions.wrote)
		}
	}
	if new(Pool).Lease().Owe(1) {
		t.Error("a lease without a budget owes")
	}
}

type counted struct{ taken *int64 }

func (c *counted) Begin(int64) error { return nil }
func (c *counted) Take(int64) error  { return nil }
func (c *counted) Force(n int64)     { *c.taken += n }
func (c *counted) Give(n int64)      { *c.taken -= n }
func (c *counted) Limit() int64      { return 1 << 40 }

type mapped struct{ out, wrote int }

func (m *mapped) Get(size int64) ([]byte, error) { m.out++; return make([]byte, 0, size), nil }
func (m *mapped) Wrote(n int)                    { m.wrote += n }
func (m *mapped) Put([]byte)                     { m.out-- }
