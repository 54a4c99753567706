package transfer

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is a store in memory. before may fail a request.
type memory struct {
	content map[string][]byte
	before  func(key string, offset int64) error
	// sums of ranged reads have to be asked for.
	late  bool
	asked atomic.Int32
	mu    sync.Mutex
	bytes int64
}

func (m *memory) List(context.Context) ([]Object, error) { return nil, errors.ErrUnsupported }

func (m *memory) Open(_ context.Context, o *Object, offset, length int64) (*Body, error) {
	if m.before != nil {
		if err := m.before(o.Key, offset); err != nil {
			return nil, err
		}
	}
	content := m.content[o.Key][offset:]
	if length >= 0 {
		content = content[:length]
	}
	return &Body{ReadCloser: io.NopCloser(&counting{bytes.NewReader(content), m})}, nil
}

func (m *memory) Sums(_ context.Context, o *Object) ([]Sum, error) {
	m.asked.Add(1)
	if !m.late {
		return nil, nil
	}
	return []Sum{castagnoli(m.content[o.Key])}, nil
}

type counting struct {
	io.Reader
	m *memory
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.m.mu.Lock()
	c.m.bytes += int64(n)
	c.m.mu.Unlock()
	return n, err
}

func castagnoli(content []byte) Sum {
	return Sum{CRC32C, crc(content)}
}

func crc(content []byte) []byte {
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	h.Write(content)
	return h.Sum(nil)
}

func sumMD5(content []byte) Sum {
	sum := md5.Sum(content)
	return Sum{MD5, sum[:]}
}

func random(n int) []byte {
	content := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(content)
	return content
}

// Files of more than cutAbove bytes are cut, into parts.
const (
	cutAbove = 8 << 20
	cutPart  = 4 << 20
)

func quick() Options {
	return Options{cuts: cuts{above: cutAbove, part: cutPart}, Streams: 8, Stall: time.Minute, MaxBytes: 1 << 40, Policy: Policy{Attempts: 3, Backoff: func(int) time.Duration { return 0 }}}
}

func (m *memory) objects() []Object {
	var objects []Object
	for key, content := range m.content {
		objects = append(objects, Object{Key: key, Name: key, Size: int64(len(content)), Version: "v1"})
	}
	return objects
}

func wantContent(t *testing.T, dir string, m *memory) {
	t.Helper()
	for key, want := range m.content {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(key)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes (%v), want %d and the same ones", key, len(got), err, len(want))
		}
	}
}

func TestDownload(t *testing.T) {
	for name, late := range map[string]bool{"sums in the listing": false, "sums to be asked for": true} {
		t.Run(name, func(t *testing.T) {
			// The middle one comes in parts, several at once.
			m := &memory{late: late, content: map[string][]byte{"a/small": random(1000), "large": random(cutAbove + cutPart + 12345), "empty": {}}}
			objects := m.objects()
			if !late {
				for i := range objects {
					objects[i].Sums = []Sum{castagnoli(m.content[objects[i].Key]), sumMD5(m.content[objects[i].Key])}
				}
			}
			dir := t.TempDir()
			var reported atomic.Int64
			o := quick()
			o.Report = func(n int64) { reported.Add(n) }
			files, err := Download(t.Context(), m, objects, Target{dir, filepath.Join(t.TempDir(), "journal")}, o)
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, dir, m)
			for i, f := range files {
				if want := castagnoli(m.content[f.Name]).String(); f.Name != objects[i].Name || f.Digest != want {
					t.Errorf("%+v, want name %s and digest %s", f, objects[i].Name, want)
				}
			}
			if want := int64(1000 + cutAbove + cutPart + 12345); reported.Load() != want {
				t.Errorf("%d bytes reported, want %d", reported.Load(), want)
			}
			if asked := m.asked.Load(); !late && asked > 0 {
				t.Errorf("the store was asked for sums %d times", asked)
			}
		})
	}
}

// TestDownloadContinues: of what an earlier run has brought, nothing is
// fetched again, and all of it is checked.
func TestDownloadContinues(t *testing.T) {
	m := &memory{content: map[string][]byte{"large": random(cutAbove + 10*cutPart), "first": random(3 << 20)}}
	sums := func(o []Object) []Object {
		for i := range o {
			o[i].Sums = []Sum{sumMD5(m.content[o[i].Key])}
		}
		return o
	}
	var total int64
	for _, content := range m.content {
		total += int64(len(content))
	}
	dir, journal := t.TempDir(), filepath.Join(t.TempDir(), "journal")
	ctx, cancel := context.WithCancel(t.Context())
	o := quick()
	var arrived int64
	o.Report = func(n int64) {
		if arrived += n; arrived > total/2 {
			cancel()
		}
	}
	if _, err := Download(ctx, m, sums(m.objects()), Target{dir, journal}, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	// A line that the end of the run cut off.
	f, err := os.OpenFile(journal, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"n":"large","v":"v1","s`)
	f.Close()
	first := m.bytes
	m.bytes = 0
	arrived = 0
	o.Report = func(n int64) { arrived += n }
	if _, err := Download(t.Context(), m, sums(m.objects()), Target{dir, journal}, o); err != nil {
		t.Fatal(err)
	}
	wantContent(t, dir, m)
	if again := first + m.bytes - total; again > int64(o.Streams)*(logEvery+bufferSize) {
		t.Errorf("%d bytes were fetched twice (%d of %d, then %d)", again, first, total, m.bytes)
	}
	if arrived != total {
		t.Errorf("%d bytes reported, want %d", arrived, total)
	}

	m.bytes = 0
	if _, err := Download(t.Context(), m, sums(m.objects()), Target{dir, journal}, quick()); err != nil || m.bytes != 0 {
		t.Errorf("a third run fetched %d bytes (%v), want none", m.bytes, err)
	}
	changed := sums(m.objects())
	for i := range changed {
		changed[i].Version = "v2"
	}
	if _, err := Download(t.Context(), m, changed, Target{dir, journal}, quick()); err != nil || m.bytes != total {
		t.Errorf("of another version, %d bytes were fetched (%v), want %d", m.bytes, err, total)
	}
	m.content["large"] = m.content["large"][:1000]
	shorter := m.objects()
	for i := range shorter {
		shorter[i].Version = "v3"
	}
	if _, err := Download(t.Context(), m, shorter, Target{dir, journal}, quick()); err != nil {
		t.Error(err)
	}
	wantContent(t, dir, m)
}

func TestDownloadRefusesDamage(t *testing.T) {
	m := &memory{content: map[string][]byte{"a": random(cutAbove + 1)}}
	objects := m.objects()
	right := castagnoli(m.content["a"])
	wrong := Sum{CRC32C, []byte{1, 2, 3, 4}}
	objects[0].Sums = []Sum{wrong}
	dir, journal := t.TempDir(), filepath.Join(t.TempDir(), "journal")
	_, err := Download(t.Context(), m, objects, Target{dir, journal}, quick())
	want := fmt.Sprintf("a: the content is damaged: its crc32c is %x, the store says 01020304", right.Value)
	if err == nil || err.Error() != want || !IsPermanent(err) {
		t.Errorf("error %v, want %s", err, want)
	}
	if want := 2 * int64(cutAbove+1); m.bytes != want {
		t.Errorf("%d bytes were fetched, want %d: once more than once", m.bytes, want)
	}
	objects[0].Sums = []Sum{right}
	if _, err := Download(t.Context(), m, objects, Target{dir, journal}, quick()); err != nil {
		t.Errorf("what was damaged once is not fetched again: %v", err)
	}
	wantContent(t, dir, m)
}

// TestDownloadDamagedOnTheWay: the second try brings what is right.
func TestDownloadDamagedOnTheWay(t *testing.T) {
	good, bad := random(1000), random(1000)
	bad[500] ^= 1
	m := &memory{content: map[string][]byte{"a": bad}}
	objects := m.objects()
	objects[0].Sums = []Sum{sumMD5(good)}
	tries := 0
	m.before = func(string, int64) error {
		if tries++; tries == 2 {
			m.content["a"] = good
		}
		return nil
	}
	dir := t.TempDir()
	if _, err := Download(t.Context(), m, objects, Target{dir, filepath.Join(t.TempDir(), "journal")}, quick()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, dir, m)
}

func TestDownloadRetries(t *testing.T) {
	m := &memory{content: map[string][]byte{"a": random(1000), "b": random(1000)}}
	var tries atomic.Int32
	m.before = func(key string, _ int64) error {
		if key == "a" && tries.Add(1) < 3 {
			return errors.New("unavailable")
		}
		return nil
	}
	dir := t.TempDir()
	if _, err := Download(t.Context(), m, m.objects(), Target{dir, filepath.Join(t.TempDir(), "journal")}, quick()); err != nil {
		t.Fatal(err)
	}
	wantContent(t, dir, m)
	tries.Store(-100)
	_, err := Download(t.Context(), m, m.objects(), Target{t.TempDir(), filepath.Join(t.TempDir(), "journal")}, quick())
	if want := "a: gave up after 3 attempts: unavailable"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	m.before = func(string, int64) error { tries.Add(1); return NotFound(errors.New("gone")) }
	tries.Store(0)
	o := quick()
	o.Streams = 1
	if _, err := Download(t.Context(), m, m.objects(), Target{t.TempDir(), filepath.Join(t.TempDir(), "journal")}, o); !errors.Is(err, ErrNotFound) || tries.Load() != 1 {
		t.Errorf("%d tries, error %v", tries.Load(), err)
	}
}

func TestDownloadNames(t *testing.T) {
	for names, want := range map[string]string{
		"../a":        `"../a" is no name for a file in a folder`,
		"/etc/passwd": `"/etc/passwd" is no name`,
		"a/../../b":   "is no name",
		"a//b":        "is no name",
		`a\b`:         "is no name",
		".":           "is no name",
		"a,a":         "there are two files a",
		"a/b,a":       "a is both a file and the folder of a/b",
	} {
		var objects []Object
		for _, name := range strings.Split(names, ",") {
			objects = append(objects, Object{Key: name, Name: name})
		}
		_, err := Download(t.Context(), &memory{}, objects, Target{t.TempDir(), filepath.Join(t.TempDir(), "journal")}, quick())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", names, err, want)
		}
	}
}

func TestDownloadRoom(t *testing.T) {
	objects := []Object{{Key: "a", Name: "a", Size: 1 << 60}}
	o := quick()
	_, err := Download(t.Context(), &memory{}, objects, Target{t.TempDir(), filepath.Join(t.TempDir(), "journal")}, o)
	if err == nil || !strings.Contains(err.Error(), "larger than the limit of 1.1 TB") {
		t.Errorf("error %v", err)
	}
	o.MaxBytes = 1 << 62
	_, err = Download(t.Context(), &memory{}, objects, Target{t.TempDir(), filepath.Join(t.TempDir(), "journal")}, o)
	if err == nil || !strings.HasPrefix(err.Error(), "no room: 1.2 EB are still to come, and ") {
		t.Errorf("error %v", err)
	}
}

func TestSpans(t *testing.T) {
	var s spans
	for _, add := range []span{{10, 20}, {30, 40}, {0, 5}, {5, 7}, {15, 32}, {9, 9}} {
		s = s.add(add)
	}
	if diff := cmp.Diff(spans{{0, 7}, {10, 40}}, s); diff != "" {
		t.Error(diff)
	}
	if s.prefix() != 7 || s.total() != 37 {
		t.Errorf("prefix %d, total %d", s.prefix(), s.total())
	}
	if diff := cmp.Diff([]span{{7, 10}, {40, 44}, {44, 45}}, s.missing(45, 4)); diff != "" {
		t.Error(diff)
	}
}

func TestSums(t *testing.T) {
	for _, c := range []struct {
		sums []Sum
		text string
	}{
		{HexSum(MD5, "900150983cd24fb0d6963f7d28e17f72"), "abc"},
		{HexSum(SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "abc"},
		{HexSum(GitSHA1, "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"), "abc"},
		{Base64Sum(CRC32C, "4waSgw=="), "123456789"},
		{Base64Sum(CRC64NVME, "rosUhgp5mIg="), "123456789"},
	} {
		sum, ok := best(c.sums)
		if !ok {
			t.Errorf("the sum of %s was not read", c.text)
			continue
		}
		h := algorithms()[sum.Algorithm].make(int64(len(c.text)))
		h.Write([]byte(c.text))
		if err := sum.check(h); err != nil {
			t.Errorf("%s of %s: %v", sum.Algorithm, c.text, err)
		}
	}
	for _, text := range []string{"", "900150983cd24fb0d6963f7d28e17f72-2", "12"} {
		if sums := HexSum(MD5, text); len(sums) != 0 {
			t.Errorf("%q is taken for an MD5", text)
		}
	}
}
