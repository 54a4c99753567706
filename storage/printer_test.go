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
	wantLines := `time=1970-01-01T00:00:00.000Z level=WARN msg="fetch failed, trying again" uri=u pause=1s error=503
time=1970-01-01T00:00:08.000Z level=INFO msg=fetching uri=u bytes=3000000 total=4000000 percent=75 seconds=8.0 rate="375.0 kB/s"
time=1970-01-01T00:00:12.000Z level=INFO msg=fetched uri=u bytes=4000000 seconds=12.0 rate="333.3 kB/s"
`
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
