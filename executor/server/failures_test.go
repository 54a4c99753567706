package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Many failures of one kind are a few lines; clients' mistakes keep none of the
// others away, and what was left out is counted.
func TestFailuresAreLimited(t *testing.T) {
	var log bytes.Buffer
	f := newFailures(&Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	wrong := protocol.Errorf(protocol.Invalid, "wrong")
	const many = 1000
	for range many {
		f.tell(t.Context(), request{}, wrong, 400, true)
	}
	f.tell(t.Context(), request{puid: "x"}, errors.New("broken"), 500, false)
	n := strings.Count(log.String(), "reason=invalid")
	if n < failuresAtOnce || n > many/2 {
		t.Errorf("%d failures are %d lines", many, n)
	}
	if !strings.Contains(log.String(), "reason=internal") {
		t.Error("a fault is not told because of clients' mistakes")
	}
	left := f.kinds[1].leftOut.Load()
	if told := int64(n); left == 0 || left > many-told {
		t.Errorf("%d were left out of %d, %d told", left, many, told)
	}
	f.kinds[1].rate.SetBurst(failuresAtOnce + many)
	f.kinds[1].rate.SetLimit(1e9)
	f.tell(t.Context(), request{}, wrong, 400, true)
	if !strings.Contains(log.String(), "left_out=") || f.kinds[1].leftOut.Load() != 0 {
		t.Errorf("the next line does not say how many were left out")
	}
}

// A line has a bound, whatever a client calls its request, and is one line.
func TestFailuresAreShort(t *testing.T) {
	var log bytes.Buffer
	f := newFailures(&Options{Log: slog.New(slog.NewJSONHandler(&log, nil))})
	long := "a\nlevel=ERROR\x1b[31m" + strings.Repeat("\u00e9", 1<<19)
	f.tell(t.Context(), request{path: long, puid: long}, protocol.Errorf(protocol.Invalid, "%s", long), 400, true)
	if n := log.Len(); n > 8<<10 || strings.Count(log.String(), "\n") != 1 || strings.Contains(log.String(), "\x1b") {
		t.Errorf("the line has %d bytes and begins with %.200q", n, log.String())
	}
}

// What has panicked says where to the log, and to nobody else.
func TestAPanicHasItsStack(t *testing.T) {
	var log bytes.Buffer
	f := newFailures(&Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	f.tell(t.Context(), request{}, protocol.AtNode(policy.Recovered("odd"), "n", "predict"), 500, false)
	if text := log.String(); !strings.Contains(text, "panic: odd") || !strings.Contains(text, "failures_test.go") {
		t.Errorf("the line is %s", text)
	}
}
