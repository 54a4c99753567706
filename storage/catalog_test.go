package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/bucket"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// moody is a bucket that answers when it was asked so often, and until then fails or is
// silent.
type moody struct {
	bucket.Bucket
	fails, asked int
	silent       bool
}

func (m *moody) answer(ctx context.Context) error {
	m.asked++
	switch {
	case m.silent:
		<-ctx.Done()
		return ctx.Err()
	case m.asked <= m.fails:
		return errors.New("503 Slow Down")
	}
	return nil
}

func (m *moody) Folders(ctx context.Context, prefix string, found func(string) error) error {
	if err := m.answer(ctx); err != nil {
		return err
	}
	return found(prefix + "7/")
}

func (m *moody) Each(ctx context.Context, prefix string, found func(transfer.Object) error) error {
	if err := m.answer(ctx); err != nil {
		return err
	}
	return found(transfer.Object{Key: prefix + "saved_model.pb", Size: 1})
}

// TestCatalogAsksAgain, as a fetch does, and gives up a store that is silent.
func TestCatalogAsksAgain(t *testing.T) {
	o := quick()
	o.Stall = 5 * time.Millisecond
	c, err := NewCatalog("s3://bucket/m", o)
	if err != nil {
		t.Fatal(err)
	}
	m := &moody{fails: 3}
	c.open = func(context.Context, string, access.Access) (transfer.Store, error) {
		return bucket.Folder{Bucket: m, Path: "m"}, nil
	}
	if names, err := c.Folders(t.Context()); err != nil || !slices.Equal(names, []string{"7"}) || m.asked != 4 {
		t.Errorf("%v, %v after %d questions", names, err, m.asked)
	}
	m.asked = 0
	if files, err := c.Files(t.Context(), "7"); err != nil || len(files) != 1 || m.asked != 4 {
		t.Errorf("%v, %v after %d questions", files, err, m.asked)
	}
	m.asked, m.fails = 0, 4
	if _, err := c.Folders(t.Context()); err == nil || !strings.Contains(err.Error(), "s3://bucket/m: gave up after 4 attempts: 503 Slow Down") {
		t.Error(err)
	}
	m.silent = true
	for name, ask := range map[string]func() error{
		"folders": func() error { _, err := c.Folders(t.Context()); return err },
		"files":   func() error { _, err := c.Files(t.Context(), "7"); return err },
	} {
		if err := ask(); err == nil || !strings.Contains(err.Error(), "the store was not listed within 50ms") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPartials: what a fetch has left is measured by its place, and removed unless it is
// to be kept or a process is at it.
func TestPartials(t *testing.T) {
	dir := t.TempDir()
	part := func(name, uri string) string {
		t.Helper()
		dst := filepath.Join(dir, name)
		files := filepath.Join(dir, partialPrefix(dst)+shortHash(uri), filesDir)
		if err := os.MkdirAll(files, 0o755); err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(files, "weights"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(10_000_000); err != nil { // What has not come yet is a hole.
			t.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	catalog := &Catalog{}
	kept, gone, held := part("a", "s3://b/a"), part("b", "s3://b/b"), part("c", "s3://b/c")
	if got := catalog.PartialSize(kept); got < 100_000 || got > 1_000_000 {
		t.Errorf("%d bytes are there, want some 100,000", got)
	}
	running, err := lock(filepath.Join(dir, partialPrefix(held)+shortHash("s3://b/c")))
	if err != nil {
		t.Skip("this system has no locks: ", err)
	}
	defer running.Close()
	if err := catalog.RemovePartials(dir, kept); err != nil {
		t.Fatal(err)
	}
	for dst, there := range map[string]bool{kept: true, gone: false, held: true} {
		if got := catalog.PartialSize(dst) > 0; got != there {
			t.Errorf("%s is there: %t, want %t", dst, got, there)
		}
	}
}
