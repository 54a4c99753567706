package main

import (
	"context"
	"encoding/json"
	"flag"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the page from its figures")

// TestPageShowsItsFigures holds that the tables and the picture of the page are those
// of the JSON beside it. With -update they are rewritten.
func TestPageShowsItsFigures(t *testing.T) {
	docs := filepath.Join("..", "..", "..", "docs")
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var r Results
	if err := json.Unmarshal([]byte(read("benchmarks.json")), &r); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := r.write(filepath.Join(docs, "benchmarks.md")); err != nil {
			t.Fatal(err)
		}
		return
	}
	page := filepath.Join(t.TempDir(), "benchmarks.md")
	if err := os.WriteFile(page, []byte(read("benchmarks.md")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.write(page); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"benchmarks.md", "benchmarks.json", "benchmarks.svg"} {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(page), name))
		if err != nil || string(got) != read(name) {
			t.Errorf("%s is not what the figures say, %v; run make bench", name, err)
		}
	}
}

// stalling is a client that stands still once, for everybody.
type stalling struct{ until time.Time }

func (s *stalling) dial(string, int) error { return nil }
func (s *stalling) close()                 {}
func (s *stalling) call(context.Context, int) error {
	time.Sleep(time.Until(s.until))
	return nil
}

// TestOpenLoopChargesForAStall holds that all who were to be sent while a program
// stood still have waited: a third of the time, so a third of the requests.
func TestOpenLoopChargesForAStall(t *testing.T) {
	const during, stall = 300 * time.Millisecond, 100 * time.Millisecond
	took, err := openLoop(t.Context(), &stalling{time.Now().Add(stall)}, 2000, during)
	if err != nil || len(took) != 600 {
		t.Fatalf("%d requests, %v", len(took), err)
	}
	late := 0
	for _, d := range took {
		if d > stall/4 {
			late++
		}
	}
	if longest := took[len(took)-1]; late < 130 || longest < stall*8/10 {
		t.Errorf("%d of 600 requests waited for the stall, the longest %v", late, longest)
	}
}

// TestReader reads messages however they come.
func TestReader(t *testing.T) {
	ours, theirs := net.Pipe()
	const two = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirstPOST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
	go func() {
		for i := range two {
			_, _ = theirs.Write([]byte(two[i : i+1]))
		}
		_ = theirs.Close()
	}()
	r := reader{conn: ours}
	for _, want := range []string{"first", ""} {
		if head, body, err := r.next(); err != nil || string(body) != want {
			t.Errorf("%q, %q, %v", head, body, err)
		}
	}
	if _, _, err := r.next(); err == nil {
		t.Error("a third message came")
	}
}

func TestPayloads(t *testing.T) {
	for _, bytes := range []int{usualBytes, 10_000, 1_000_000} {
		for protocol, n := range map[string]int{rest: len(jsonBody(bytes)), rpc: len(protoBody(bytes))} {
			if n < bytes*6/10 || n > bytes*11/10 {
				t.Errorf("%s: %d bytes became %d", protocol, bytes, n)
			}
		}
	}
	if got := string(answer(nil, "POST /v1/models/m:predict HTTP/1.1", []byte(`{"instances":[[1]]}`))); !strings.HasSuffix(got, "Content-Length: 21\r\n\r\n"+`{"predictions":[[1]]}`) {
		t.Errorf("the answer is %q", got)
	}
}
