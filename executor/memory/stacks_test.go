package memory

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Stacks that have grown by work are given back while their goroutines wait.
func TestShrinkStacks(t *testing.T) {
	const many = 4000
	stop, wait := make(chan struct{}), sync.WaitGroup{}
	wait.Add(many)
	for range many {
		go func() {
			deep(64)
			wait.Done()
			<-stop
		}()
	}
	defer close(stop)
	wait.Wait()
	before := stacks()
	if before < 2*stacksFew {
		t.Fatalf("%d goroutines have %d bytes of stacks: the test needs more", many, before)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go ShrinkStacks(ctx)
		time.Sleep(5 * stacksLook)
		cancel()
		synctest.Wait()
	})
	if after := stacks(); after > before/2 {
		t.Errorf("stacks had %d bytes, and have %d", before, after)
	}
}

// deep takes some stack.
func deep(n int) byte {
	var room [512]byte
	room[n] = byte(n)
	if n > 0 {
		room[0] = deep(n - 1)
	}
	return room[0] + room[n]
}
