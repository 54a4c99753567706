package builtin

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/peers"
	"github.com/prime-radiant/radiant/reference"
)

// nobody is asked.
type nobody struct{ t *testing.T }

func (n nobody) Ask(context.Context, string, func([]byte)) error {
	n.t.Error("replicas are asked")
	return nil
}

// asked is what a page says.
func asked(t *testing.T, w *Watch) *DriftReport {
	t.Helper()
	r := httptest.NewRecorder()
	w.ServeHTTP(r, httptest.NewRequest("GET", DriftPath, nil))
	var report DriftReport
	if err := json.Unmarshal(r.Body.Bytes(), &report); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	return &report
}

// Counts of replicas add up: three of them see together, to the bit, what one sees
// that has all their rows. A feature that moves too little for a window of one is
// found in those of all. Replicas with another reference, and what is no answer of a
// replica, are passed over.
func TestDriftAddsUp(t *testing.T) {
	rows, r := tumours(t), rand.New(rand.NewPCG(1, 1))
	const texture, window = 1, 100
	moved := func(row []float64) { row[texture] += 1.6 }
	var watches []*Watch
	var list []string
	serve := func(w *Watch) {
		s := httptest.NewServer(w)
		t.Cleanup(s.Close)
		w.Replica = fmt.Sprint("replica ", len(watches))
		watches, list = append(watches, w), append(list, strings.TrimPrefix(s.URL, "http://"))
	}
	whole := table{width: len(rows[0])}
	for range 3 {
		w := inSample(t)
		w.Watch = &Watch{}
		part := drawn(r, rows, window, moved)
		take(t, driftNode(t, w, "window", fmt.Sprint(window)).requests, part)
		whole.values, whole.rows = append(whole.values, part.all[0].values...), whole.rows+window
		serve(w.Watch)
	}
	other := features30(400).files(t, reference.Options{})
	other.Watch = &Watch{}
	take(t, driftNode(t, other, "window", fmt.Sprint(window)).requests, drawn(r, rows, window, moved))
	serve(other.Watch)
	var err error
	list = append(list, "127.0.0.1:1")
	if watches[0].Peers, err = peers.New(strings.Join(list, ","), nil); err != nil {
		t.Fatal(err)
	}
	one := driftNode(t, inSample(t), "window", fmt.Sprint(3*window)).requests
	take(t, one, sideBySide(whole))

	report := asked(t, watches[0])
	all := report.Nodes[0].Requests.All
	if all == nil || all.Replicas != 3 || all.Windows != 3 || all.Last == nil || all.Last.Rows != 3*window {
		t.Fatalf("all saw %+v", all)
	}
	if diff := cmp.Diff(one.report(false).Last.Features, all.Last.Features); diff != "" {
		t.Errorf("one replica would have seen, -all +one:\n%s", diff)
	}
	if first := all.Last.Features[0]; !first.Drift || first.Feature != "mean texture" || !all.Last.Drift {
		t.Errorf("together they find %+v", first)
	}
	if all.Drifted > 0 {
		t.Errorf("%d windows of one drift: the shift is too large for this test", all.Drifted)
	}
	if !strings.Contains(report.Unheard, "connection refused") || report.Replica != "replica 0" {
		t.Errorf("the page says %q of those that do not answer, and is by %q", report.Unheard, report.Replica)
	}
	if answers := report.Nodes[0].Answers.All; answers == nil || answers.Replicas != 3 || answers.Last != nil {
		t.Errorf("of answers it says %+v", answers)
	}
	// Of the same second the page is the same, and asks nobody.
	watches[0].Peers = nobody{t}
	if diff := cmp.Diff(report, asked(t, watches[0])); diff != "" {
		t.Error(diff)
	}
}
