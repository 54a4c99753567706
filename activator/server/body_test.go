package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A request that has waited and now flows is not broken by what others keep waiting:
// its body is charged no more than it is kept.
func TestWhatFlowsIsNotCharged(t *testing.T) {
	const limit, length = 100 << 10, 1 << 20
	h := start(t, func(o *Options, f *Front) { o.Bytes, f.ContainerConcurrency = limit, 1 })
	read, write := io.Pipe()
	var all sync.WaitGroup
	ask := func(id string, body io.Reader, want int) {
		all.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+h.address+"/predict", body)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Id", id)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Errorf("request %s: %v", id, err)
				return
			}
			defer func() { _ = answer.Body.Close() }()
			n, err := io.Copy(io.Discard, answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK || int(n) < want {
				t.Errorf("request %s: %s, %d bytes, %v", id, answer.Status, n, err)
			}
		})
	}
	ask("flows", read, length)
	begun := length / 64
	if _, err := io.WriteString(write, strings.Repeat("x", begun)); err != nil {
		t.Fatal(err)
	}
	h.waiting(t, 1)
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	h.waiting(t, 0)
	await(t, "the first request is at the pod", func() bool { return m.now.Load() == 1 && h.memory.used.Load() == 0 })
	ask("waits", strings.NewReader(strings.Repeat("y", limit-1)), limit-1)
	await(t, "all memory is taken", func() bool { return h.memory.left() == 1 })
	if _, err := io.WriteString(write, strings.Repeat("x", length-begun)); err != nil {
		t.Errorf("the stream is broken: %v", err)
	}
	_ = write.Close()
	all.Wait()
	if used := h.memory.used.Load(); used != 0 {
		t.Errorf("%d bytes are still taken", used)
	}
}

// Of a request that waited as a whole nothing is kept any more once a pod has it and
// answers, however long that takes.
func TestWhatWasSentIsNotCharged(t *testing.T) {
	h := start(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answered := make(chan error, 1)
	go func() {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.address+"/stream", strings.NewReader(strings.Repeat("x", 1<<16)))
		if err != nil {
			answered <- err
			return
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		answered <- err
	}()
	await(t, "the body is kept", func() bool { return h.memory.used.Load() == 1<<16 })
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	await(t, "nothing is kept while the pod answers", func() bool { return h.memory.used.Load() == 0 })
	select {
	case err := <-answered:
		t.Errorf("the answer has ended: %v", err)
	default:
	}
	close(m.on)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A body that seemed to go on, and waits again, is charged for what was read meanwhile.
func TestABodyThatWaitsAgainIsCharged(t *testing.T) {
	read, write := io.Pipe()
	memory := &budget{limit: 100}
	b := newBody(read, -1, memory)
	send := func(text string) {
		t.Helper()
		if _, err := io.WriteString(write, text); err != nil {
			t.Fatal(err)
		}
	}
	used := func(n int64) {
		t.Helper()
		await(t, "what is charged", func() bool { return memory.used.Load() == n })
	}
	send("0123456789")
	used(10)
	if b.flow() != nil {
		t.Error("a body without its end is whole")
	}
	send("0123456789")
	await(t, "all is read", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.unread.Len() == 20 })
	used(10)
	if err := b.stay(); err != nil {
		t.Fatal(err)
	}
	used(20)
	b.flow()
	if n, err := io.ReadFull(b, make([]byte, 15)); n != 15 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	used(5)
	b.end(func() { _ = write.Close() })
	used(0)
	over := newBody(http.NoBody, 0, &budget{})
	<-over.done
	over.unread.WriteString("x")
	if err := over.stay(); !errors.Is(err, errMemory) {
		t.Errorf("without room: %v", err)
	}
	over.end(func() {})
}

// A Service that is no front any more is served as long as clients are led here.
func TestAFrontIsServedUntilNobodyIsLedHere(t *testing.T) {
	h := start(t, nil)
	m := h.place.start(t, 2)
	h.cluster.set(m.pod())
	h.Place(map[string]Position{"ns/svc": {0, 1}})
	if err := h.Set(nil); err != nil {
		t.Fatal(err)
	}
	if answer, text, err := h.post(t.Context(), "1", "x"); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("while clients are led here: %v, %s", err, text)
	}
	h.Place(nil)
	http.DefaultClient.CloseIdleConnections()
	if answer, _, err := h.post(t.Context(), "2", "x"); err == nil {
		t.Errorf("when nobody is led here: %s", answer.Status)
	}
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so: %s", what)
		}
	}
}
