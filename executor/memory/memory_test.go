package memory

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
)

// write makes files below a folder.
func write(t *testing.T, files map[string]string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLimit(t *testing.T) {
	const (
		two  = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
		one  = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		both = "29 24 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" + one
	)
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"none": {nil, 0},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": two, "sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"version 2, a parent has less": {map[string]string{
			"proc/self/cgroup": "0::/pods/a\n", "proc/self/mountinfo": two,
			"sys/fs/cgroup/pods/a/memory.max": "900\n", "sys/fs/cgroup/pods/memory.max": "700\n",
		}, 700},
		"version 2, no limit": {map[string]string{
			"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": two, "sys/fs/cgroup/a/memory.max": "max\n",
		}, 0},
		"version 1": {map[string]string{
			"proc/self/cgroup": "4:cpu,memory:/a/b\n0::/\n", "proc/self/mountinfo": both, "sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": "300\n",
		}, 300},
		"version 1, in a container that is told its name outside": {map[string]string{
			"proc/self/cgroup":                           "4:memory:/docker/x\n",
			"proc/self/mountinfo":                        "31 24 0:27 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "300\n",
		}, 300},
		"version 1, no limit": {map[string]string{
			"proc/self/cgroup": "4:memory:/\n", "proc/self/mountinfo": one, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
	} {
		if got := Limit(write(t, c.files)); got != c.want {
			t.Errorf("%s: the limit is %d, want %d", name, got, c.want)
		}
	}
}

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		if err := b.Take(101); !errors.Is(err, message.ErrNever) {
			t.Errorf("more than there is: %v", err)
		}
		if b.Take(60) != nil || b.Take(40) != nil {
			t.Error("what there is was refused")
		}
		start := time.Now()
		if err := b.Take(1); !errors.Is(err, message.ErrFull) || time.Since(start) != Wait {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		time.AfterFunc(time.Second, func() { b.Give(40) })
		if err := b.Take(30); err != nil {
			t.Errorf("what was given back: %v", err)
		}
		if used, waiting, refused := b.State(); used != 90 || waiting != 0 || refused != 2 {
			t.Errorf("%d are taken, %d wait, %d were refused", used, waiting, refused)
		}
	})
}

// Who begins leaves memory for those that have begun, which would else wait for
// each other.
func TestBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		if b.Begin(40) != nil {
			t.Fatal("the first was refused")
		}
		second := make(chan error, 1)
		go func() { second <- b.Begin(40) }()
		synctest.Wait()
		if err := b.Take(40); err != nil {
			t.Errorf("the answer to the first: %v", err)
		}
		b.Give(80)
		if err := <-second; err != nil {
			t.Errorf("the second, when the first is done: %v", err)
		}
		b.Give(40)
		if err := b.Begin(90); err != nil {
			t.Errorf("a large one alone: %v", err)
		}
	})
}

// Who does not wait gets what is there, and nothing that others wait for.
func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1 << 20)
		if b.Try(2<<20, false) || b.Try(600<<10, true) && b.Try(1, true) {
			t.Error("there is more than there is")
		}
		b = NewBudget(1 << 20)
		if !b.Try(900<<10, false) {
			t.Error("what there is was refused")
		}
		waits := make(chan error, 1)
		go func() { waits <- b.Take(200 << 10) }()
		synctest.Wait()
		if b.Try(100<<10, false) {
			t.Error("a large one went before one that waits")
		}
		if !b.Try(1<<10, false) {
			t.Error("a small one was refused")
		}
		b.Give(900 << 10)
		if err := <-waits; err != nil {
			t.Error(err)
		}
	})
}

func TestNoBudget(t *testing.T) {
	b := NewBudget(0)
	if b.Take(1<<60) != nil || b.Begin(1<<60) != nil || b.Limit() != 0 {
		t.Error("without a bound something is refused")
	}
	b.Force(1)
	b.Give(1)
}

// A region takes no memory before it is written, and is empty when it comes
// again.
func TestRegions(t *testing.T) {
	var r Regions
	var watched int64
	r.Watch = func(mapped int64) { watched = mapped }
	region, err := r.Get(3 << 20)
	if err != nil || len(region) != 0 || cap(region) < 3<<20 {
		t.Fatalf("a region of %d bytes, %v", cap(region), err)
	}
	region = append(region, bytes.Repeat([]byte("x"), 2<<20)...)
	r.Wrote(2 << 20)
	if watched != 2<<20 {
		t.Errorf("%d bytes are in use", watched)
	}
	r.Put(region)
	again, err := r.Get(4 << 20)
	if err != nil || watched != 0 {
		t.Fatalf("%d bytes are in use, %v", watched, err)
	}
	if &again[:1][0] != &region[0] {
		t.Error("a region that was given back is not used again")
	}
}
