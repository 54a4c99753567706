package memory

import (
	"bytes"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
)

// FuzzBudget has requests read messages of any sizes, announced or not, and take
// and give back what they make of them, one beside the other. What they have is
// within the budget, and none of it is left when they are over.
func FuzzBudget(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5})
	f.Add([]byte{10, 200, 31, 255, 92, 0, 3, 128, 77, 77, 77, 250})
	f.Add(bytes.Repeat([]byte{0xf2, 0x91, 0x33}, 40))
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 64 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			const limit = 4 << 20
			b := NewBudget(limit)
			regions := &Regions{}
			pool := &message.Pool{Budget: b, Regions: regions}
			for worker := range 4 {
				go func() {
					for i := worker; i+1 < len(steps); i += 4 {
						request(t, pool, steps[i], int64(steps[i+1]))
					}
				}()
			}
			for range 20 {
				time.Sleep(100 * time.Millisecond)
				if used, _, _ := b.State(); used < 0 || used > limit {
					t.Errorf("%d of %d bytes are taken", used, limit)
				}
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if used, waiting, _ := b.State(); used != 0 || waiting != 0 || regions.mapped.Load() != 0 {
				t.Errorf("%d bytes are left, %d wait, %d are mapped", used, waiting, regions.mapped.Load())
			}
		})
	})
}

// request is one that reads a message and makes another of it.
func request(t *testing.T, pool *message.Pool, how byte, size int64) {
	size *= 8 << 10
	announced := size
	switch how & 3 {
	case 1:
		announced = -1
	case 2:
		announced = size / 2
	case 3:
		announced = 2 * size
	}
	lease := pool.Lease()
	defer lease.Release()
	text := bytes.Repeat([]byte{how}, int(size))
	r := bytes.NewReader(text)
	got, err := lease.ReadAll(iotest.DataErrReader(r), announced, int64(how&4)<<18+1<<20)
	if err != nil {
		return
	}
	if err := lease.Take(2 * size); err == nil && how&8 != 0 {
		lease.Give(size)
	}
	if how&16 != 0 {
		lease.Retain()
		go func() {
			time.Sleep(time.Second)
			lease.Release()
		}()
	}
	time.Sleep(time.Duration(how) * time.Millisecond)
	if !bytes.Equal(got, text) {
		t.Errorf("%d bytes became %d others", size, len(got))
	}
}
