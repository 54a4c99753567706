package storage

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrinter(t *testing.T) {
	reports := []Progress{
		{URI: "u", Failed: errors.New("503"), Pause: time.Second},
		{URI: "u", Bytes: 2_000_000, Total: 4_000_000},
		{URI: "u", Bytes: 3_000_000, Total: 4_000_000},
		{URI: "u", Bytes: 4_000_000, Total: 4_000_000, Done: true},
	}
	print := func(terminal bool) string {
		var out bytes.Buffer
		now := time.Unix(0, 0)
		p := NewPrinter(&out, terminal, func() time.Time { return now })
		for _, r := range reports {
			p.Print(r)
			now = now.Add(4 * time.Second)
		}
		return out.String()
	}
	wantLines := "fetching u failed, next attempt in 1s: 503\nfetching u, 3.0 MB of 4.0 MB (75%), 375.0 kB/s\nfetched u, 4.0 MB in 12.0s\n"
	if diff := cmp.Diff(wantLines, print(false)); diff != "" {
		t.Errorf("lines, -want +got:\n%s", diff)
	}
	wantBar := "\r\x1b[Kfetching u failed, next attempt in 1s: 503\n" +
		"\r\x1b[K[===============               ] 2.0 MB of 4.0 MB (50%), 500.0 kB/s" +
		"\r\x1b[K[======================        ] 3.0 MB of 4.0 MB (75%), 375.0 kB/s" +
		"\r\x1b[Kfetched u, 4.0 MB in 12.0s\n"
	if diff := cmp.Diff(wantBar, print(true)); diff != "" {
		t.Errorf("bar, -want +got:\n%s", diff)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_999: "1.0 MB", 256 << 30: "274.9 GB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}
