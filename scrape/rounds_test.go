package scrape_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/scrape"
)

// TestSilentProgramsHoldNobodyUp: programs that take connections and say nothing are asked
// beside the rounds, so many at once; rounds of the others end while a silent one is asked.
// One that answers again is in the rounds again.
func TestSilentProgramsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	const atOnce, silent, good = 4, 12, 3
	var rounds, under, mostUnder, during atomic.Int64
	var mended atomic.Bool
	held := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mended.Load() {
			_, _ = w.Write([]byte(`{}`))
			return
		}
		began := rounds.Load()
		<-r.Context().Done() // Who asked has gone.
		during.Store(max(rounds.Load()-began, during.Load()))
	}))
	t.Cleanup(held.Close)
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	t.Cleanup(answers.Close)

	c, r := scrape.New(nil, time.Minute), scrape.NewRounds(atOnce, scrape.MostSilent)
	took := map[string]int{}
	var all []scrape.Question
	for i := range silent + good {
		url := fmt.Sprintf("%s/%d", answers.URL, i)
		if i < silent {
			url = fmt.Sprintf("%s/%d", held.URL, i)
		}
		all = append(all, scrape.Question{URL: url, Ask: func(ctx context.Context) (func(), error) {
			// Counted here: the program itself sees only later that who asked has gone.
			if strings.HasPrefix(url, held.URL) {
				n := under.Add(1)
				defer under.Add(-1)
				for most := mostUnder.Load(); n > most && !mostUnder.CompareAndSwap(most, n); most = mostUnder.Load() {
				}
			}
			if _, err := c.Read(ctx, url, "", 100, &struct{}{}); err != nil {
				return nil, err
			}
			return func() { took[url]++ }, nil
		}})
	}
	await := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d rounds ended while a silent program was asked, %d of them were asked at once, and so often was answered: %v",
					what, during.Load(), mostUnder.Load(), took)
			}
			r.Round(t.Context(), all)
			rounds.Add(1)
		}
	}
	await("no round ends", func() bool { return during.Load() >= 3 })
	if n := mostUnder.Load(); n > atOnce {
		t.Errorf("%d silent programs are asked at once", n)
	}
	for url := range took {
		if strings.HasPrefix(url, held.URL) {
			t.Errorf("%s has not answered, and is said to", url)
		}
	}
	mended.Store(true)
	await("who answers again is not asked", func() bool { return len(took) == silent+good })
}

// TestWhatCannotBeReadIsToldOnce: of a report that is too long or is none, as long as it is;
// neither who does not answer nor who answers with an error is told of.
func TestWhatCannotBeReadIsToldOnce(t *testing.T) {
	t.Parallel()
	var text atomic.Pointer[string]
	say := func(s string) { text.Store(&s) }
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if *text.Load() == "" {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(*text.Load()))
	}))
	t.Cleanup(pod.Close)
	c, r := scrape.New(nil, time.Minute), scrape.NewRounds(1, scrape.MostSilent)
	var told []string
	var last error
	question := scrape.Question{
		URL: pod.URL,
		Ask: func(ctx context.Context) (func(), error) {
			_, last = c.Read(ctx, pod.URL, "", 10, &struct{ N int }{})
			return nil, last
		},
		Unread: func(err error) { told = append(told, strings.ReplaceAll(err.Error(), pod.URL, "URL")) },
	}
	// Of a busy machine answers may be late: such a round is no answer.
	round := func() {
		for range 60 {
			if r.Round(t.Context(), []scrape.Question{question}); !errors.Is(last, context.DeadlineExceeded) {
				return
			}
		}
	}
	for _, s := range []string{"", `{"n": 1}`, `{"n": 1, "m": 2}`, `{"n": 1, "m": 2}`, "", `{"n": 1, "m": 2}`, `{"n": 1}`, `{"n": 1,`, `{"n": 1,`} {
		say(s)
		round()
	}
	want := []string{
		"the report cannot be read: URL answers with more than 10 bytes",
		"the report cannot be read: URL: unexpected EOF",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told is %q, want %q", told, want)
	}
}
