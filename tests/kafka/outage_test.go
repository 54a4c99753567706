package kafka

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// killed ends an executor in the middle: each record is answered by it or by
// the next one.
func killed(t *testing.T, broker string) {
	s := newTopics(t, broker, 2)
	component, n := model(t, "seldon")
	slow(component)
	first := s.serve(t, "seldon", n, "--kafka_auto_commit=false")
	keys := fill(t, s, 0, 400)
	for _, r := range s.await(t, 50) {
		keys[string(r.Key)]++
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	s.serve(t, "seldon", n, "--kafka_auto_commit=false")
	s.awaitKeys(t, keys)
	t.Logf("%d records, %d answered more than once", len(keys), twice(keys))
}

// fill sends records to both partitions and returns their keys.
func fill(t *testing.T, s *topics, from, n int) map[string]int {
	t.Helper()
	keys := map[string]int{}
	for p := range 2 {
		var numbers []int
		for i := from + p; i < from+n; i += 2 {
			numbers = append(numbers, i)
			keys[strconv.Itoa(i)] = 0
		}
		s.send(t, int32(p), numbers...)
	}
	return keys
}

func twice(keys map[string]int) int {
	n := 0
	for _, count := range keys {
		if count > 1 {
			n++
		}
	}
	return n
}

// rebalanced lets a second executor join and leave under load: nothing is lost,
// and nothing done twice, since partitions are finished before they are given
// away.
func rebalanced(t *testing.T, broker string) {
	s := newTopics(t, broker, 2)
	component, n := model(t, "seldon")
	slow(component)
	s.serve(t, "seldon", n)
	keys := fill(t, s, 0, 300)
	second := s.serve(t, "seldon", n)
	for _, r := range s.await(t, 100) {
		keys[string(r.Key)]++
	}
	for from := 300; second.consumed(t) == 0; from += 100 {
		for key := range fill(t, s, from, 100) {
			keys[key] = 0
		}
		s.awaitKeys(t, keys)
	}
	for key := range fill(t, s, 100_000, 200) {
		keys[key] = 0
	}
	if code := second.stop(); code != 0 {
		t.Errorf("the second executor ended with %d", code)
	}
	s.awaitKeys(t, keys)
	t.Logf("%d records, %d answered more than once", len(keys), twice(keys))
	if n := twice(keys); n > 0 {
		t.Errorf("%d records were answered more than once", n)
	}
}

// stopped ends an executor under load: what it has begun is finished, and the
// next one goes on from there.
func stopped(t *testing.T, broker string) {
	s := newTopics(t, broker, 2)
	component, n := model(t, "seldon")
	slow(component)
	first := s.serve(t, "seldon", n)
	keys := fill(t, s, 0, 400)
	for _, r := range s.await(t, 50) {
		keys[string(r.Key)]++
	}
	if code := first.stop(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
	s.serve(t, "seldon", n)
	s.awaitKeys(t, keys)
	if n := twice(keys); n > 0 {
		t.Errorf("%d records were answered more than once", n)
	}
}

// brokerAway takes the broker away under load: when it is back, each record is
// answered, and the executor has stayed up for its other clients.
func brokerAway(t *testing.T, broker string, gone outage) {
	s := newTopics(t, broker, 2)
	component, n := model(t, "seldon")
	slow(component)
	e := s.serve(t, "seldon", n, "--kafka_auto_commit=false")
	keys := fill(t, s, 0, 300)
	for _, r := range s.await(t, 50) {
		keys[string(r.Key)]++
	}
	gone(t, func() {
		time.Sleep(2 * time.Second) // long enough that sending and committing fail
		answer, err := http.Post("http://"+e.rest+"/api/v1.0/predictions", "application/json", strings.NewReader(`{"data":{"ndarray":[[7]]}}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("REST meanwhile: status %d", answer.StatusCode)
		}
	})
	s.awaitKeys(t, keys)
	for key := range fill(t, s, 1000, 50) {
		keys[key] = 0
	}
	s.awaitKeys(t, keys)
	t.Logf("%d records, %d answered more than once", len(keys), twice(keys))
	if code := e.stop(); code != 0 {
		t.Errorf("exit code is %d", code)
	}
}
