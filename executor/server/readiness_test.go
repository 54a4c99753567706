package server

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestReadinessIsLoggedWhenItChanges: probes come four times a second for
// minutes, and a log is for reading.
func TestReadinessIsLoggedWhenItChanges(t *testing.T) {
	var out bytes.Buffer
	at := time.Unix(0, 0)
	plain := slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	r := newReadiness(slog.New(slog.NewTextHandler(&out, &plain)), func() time.Time { return at })
	probe := func(err error, lasts time.Duration) {
		for end := at.Add(lasts); at.Before(end); at = at.Add(250 * time.Millisecond) {
			r.tell(err)
		}
	}
	down := errors.New("node m is away")
	probe(down, 95*time.Second)
	probe(nil, 5*time.Minute)
	probe(down, 11*time.Second)
	probe(nil, time.Second)
	want := `level=INFO msg="not ready" error="node m is away"
level=WARN msg="still not ready" seconds=10 error="node m is away"
level=WARN msg="still not ready" seconds=30 error="node m is away"
level=WARN msg="still not ready" seconds=60 error="node m is away"
level=INFO msg=ready
level=INFO msg="not ready" error="node m is away"
level=WARN msg="still not ready" seconds=10 error="node m is away"
level=INFO msg=ready
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
