package controller_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
)

// testHandler shows an operator's log with its test, and none after its end.
type testHandler struct {
	slog.Handler
}

func newTestHandler(t testing.TB) slog.Handler {
	to := &testWriter{t: t}
	t.Cleanup(func() {
		to.mu.Lock()
		defer to.mu.Unlock()
		to.t = nil
	})
	return testHandler{slog.NewTextHandler(to, nil)}
}

func (h testHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.Handler.Handle(ctx, r)
}

type testWriter struct {
	mu sync.Mutex
	t  testing.TB
}

func (w *testWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Log(string(bytes.TrimSpace(line)))
	}
	return len(line), nil
}
