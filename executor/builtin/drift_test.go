package builtin

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/long"
)

const driftSample = "../../samples/drift"

// tumours are rows that the reference of samples/drift does not know.
func tumours(t testing.TB) [][]float64 {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(driftSample, "request.json"))
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		Data struct{ Ndarray [][]float64 }
	}
	if err := json.Unmarshal(body, &request); err != nil || len(request.Data.Ndarray) < 100 {
		t.Fatalf("%d rows, %v", len(request.Data.Ndarray), err)
	}
	return request.Data.Ndarray
}

// inSample is a world in which node "t" has the files of samples/drift.
func inSample(t testing.TB) *World {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "t"), os.DirFS(filepath.Join(driftSample, "reference"))); err != nil {
		t.Fatal(err)
	}
	return &World{Files: folder}
}

func driftNode(t testing.TB, w *World, parameters ...string) *drifting {
	t.Helper()
	node := graph.Node{Name: "t", Implementation: "DRIFT_DETECTOR"}
	if w.Files != "" {
		node.ModelURI = "there"
	}
	for i := 0; i < len(parameters); i += 2 {
		node.Parameters = append(node.Parameters, graph.Parameter{Name: parameters[i], Value: parameters[i+1]})
	}
	plan, err := graph.Compile(&node)
	if err != nil {
		t.Fatal(err)
	}
	n, err := All().New(&plan.Steps[0], w)
	if err != nil {
		t.Fatal(err)
	}
	return n.(*drifting)
}

// sideBySide makes rows to take of a table.
func sideBySide(rows table) *strips {
	return &strips{all: []strip{{table: rows}}, rows: rows.rows, width: rows.width}
}

// drawn are rows, of which each hundred are different ones.
func drawn(r *rand.Rand, from [][]float64, count int, change func(row []float64)) *strips {
	all := table{rows: count, width: len(from[0]), values: make([]float64, count*len(from[0]))}
	var order []int
	for i := range count {
		if i%100 == 0 {
			order = r.Perm(len(from))
		}
		copy(all.row(i), from[order[i%100]])
		if change != nil {
			change(all.row(i))
		}
	}
	return sideBySide(all)
}

func take(t testing.TB, s *watched, rows *strips) {
	t.Helper()
	if err := s.take(rows); err != nil {
		t.Fatal(err)
	}
}

// Rows as those of the reference make no alarm in 20 windows; with one feature
// moved by its deviation they do within three, by each test, and name it.
func TestDriftAlarms(t *testing.T) {
	rows := tumours(t)
	const texture, deviation = 1, 4.2
	for _, test := range []string{"ks", "psi", "chi2"} {
		for seed := range uint64(5) {
			d := driftNode(t, inSample(t), "window", "100", "test", test).requests
			r := rand.New(rand.NewPCG(seed, 1))
			take(t, d, drawn(r, rows, 2000, nil))
			if d.windows != 20 || d.drifted != 0 {
				t.Errorf("%s, seed %d: %d of %d ordinary windows drift", test, seed, d.drifted, d.windows)
			}
			take(t, d, drawn(r, rows, 300, func(row []float64) { row[texture] += deviation }))
			if d.drifted == 0 {
				t.Errorf("%s, seed %d: no alarm in three windows", test, seed)
			}
			for i, drifts := range d.last.drifts {
				if drifts != (i == texture) && d.last.many > 0 {
					t.Errorf("%s, seed %d: %s drifts: %v", test, seed, d.columns[i].Label, drifts)
				}
			}
		}
	}
}

// A statistic has to be above the threshold as well.
func TestDriftThreshold(t *testing.T) {
	rows := tumours(t)
	for threshold, want := range map[string]int{"0": 1, "0.99": 0} {
		d := driftNode(t, inSample(t), "window", "100", "threshold", threshold).requests
		take(t, d, drawn(rand.New(rand.NewPCG(1, 1)), rows, 100, func(row []float64) { row[0] += 10 }))
		if d.drifted != want {
			t.Errorf("above %s: %d windows drift", threshold, d.drifted)
		}
	}
}

// A window ends by time as well, with as many rows as it is to have at least.
func TestWindowsByTime(t *testing.T) {
	w := inSample(t)
	now := time.Unix(1000, 0)
	w.Now = func() time.Time { return now }
	d := driftNode(t, w, "window", "100", "seconds", "10", "least", "30").requests
	rows, r := tumours(t), rand.New(rand.NewPCG(1, 1))
	for _, step := range []struct {
		rows, windows, left int
	}{{20, 0, 20}, {5, 0, 25}, {15, 1, 10}, {1, 1, 11}, {250, 4, 31}} {
		now = now.Add(6 * time.Second)
		take(t, d, drawn(r, rows, step.rows, nil))
		if d.windows != step.windows || d.current.rows != step.left {
			t.Errorf("after %+v: %d windows, and %d rows of the next", step, d.windows, d.current.rows)
		}
	}
	now = now.Add(time.Minute)
	if report := d.report(false); report.Windows != 5 || report.Rows != 0 || report.Last.Rows != 31 || !report.Last.Ended.Equal(now) {
		t.Errorf("the page says %+v", report)
	}
}

// What is learnt of the first rows is there after a restart, and in a replica that
// begins.
func TestDriftLearns(t *testing.T) {
	rows, r, dir := tumours(t), rand.New(rand.NewPCG(1, 1)), t.TempDir()
	store := folder(t, dir, "one")
	d := driftNode(t, &World{State: store}, "warmup", "400", "window", "100")
	take(t, d.requests, drawn(r, rows, 399, nil))
	if d.requests.columns != nil || d.requests.report(false).Learnt != 399 {
		t.Errorf("after 399 rows it says %+v", d.requests.report(false))
	}
	take(t, d.requests, drawn(r, rows, 501, nil))
	take(t, d.answer, sideBySide(features30(500).table()))
	if d.requests.windows != 5 || d.requests.drifted != 0 || d.answer.windows != 1 {
		t.Errorf("%d of %d windows drift; of answers there are %d", d.requests.drifted, d.requests.windows, d.answer.windows)
	}
	store.Sync()
	for _, replica := range []string{"one", "another"} {
		again := driftNode(t, &World{State: folder(t, dir, replica)}, "warmup", "400", "window", "100")
		for _, side := range [][2]*watched{{d.requests, again.requests}, {d.answer, again.answer}} {
			if a, b := side[0].reference(), side[1].reference(); a != b || a == "" {
				t.Errorf("replica %s: the reference is %q, was %q", replica, b, a)
			}
		}
		take(t, again.requests, drawn(r, rows, 300, func(row []float64) { row[1] += 5 }))
		if again.requests.drifted == 0 || !again.requests.last.drifts[1] {
			t.Errorf("replica %s: no alarm", replica)
		}
	}
	for _, saved := range []string{`{"requests":{"rows":0}}`, `{"requests":[]}`, `[]`} {
		if err := driftNode(t, &World{}).Load([]byte(saved)); err == nil {
			t.Errorf("%s is taken", saved)
		}
	}
}

// Numbers and words stand side by side; a word that the reference does not have
// counts as another one.
func TestDriftOfWords(t *testing.T) {
	d := driftNode(t, &World{}, "warmup", "100", "window", "50").requests
	rows := func(count int, words string) *strips {
		s := &strips{rows: count, width: 2, all: []strip{{table: table{values: make([]float64, count), rows: count, width: 1}}, {table: table{rows: count, width: 1}}}, names: []string{"age", "color"}}
		for i := range count {
			s.all[0].values[i] = float64(i)
			s.all[1].words = append(s.all[1].words, []byte(strings.Fields(words)[i%len(strings.Fields(words))]))
		}
		return s
	}
	take(t, d, rows(100, "red red blue"))
	take(t, d, rows(50, "red red green"))
	if d.drifted != 1 || !d.last.drifts[1] || d.columns[1].Label != "color" {
		t.Errorf("%d windows drift: %+v", d.drifted, d.last)
	}
	swapped := rows(1, "red")
	swapped.all[0], swapped.all[1] = swapped.all[1], swapped.all[0]
	if err := d.take(swapped); err == nil || err.Error() != "age is text, and was a number in the reference" {
		t.Errorf("error is %v", err)
	}
	free := driftNode(t, &World{}, "warmup", "1100", "window", "50").requests
	var words []string
	for i := range 1100 {
		words = append(words, fmt.Sprint("word", i))
	}
	take(t, free, rows(1100, strings.Join(words, " ")))
	if free.compared != 1 || free.columns[1] != nil {
		t.Errorf("%d features are compared", free.compared)
	}
	take(t, free, rows(50, "x y"))
	if report := free.report(true); len(report.Last.Features) != 1 || len(report.Last.Counts) != 2 {
		t.Errorf("the page says %+v", report.Last)
	}
}

// Files that say something else are refused, and say so.
func TestDriftRefusesFiles(t *testing.T) {
	for name, want := range map[string]string{
		"":                     "no such file",
		`{`:                    "it is no reference",
		`{"format":"another"}`: `its format is "another"`,
		`{"format":"radiant-reference","version":1,"rows":9,"features":[{"mean":1}]}`: "feature 0: the reference was made without quantiles",
	} {
		for _, file := range []string{"reference.json", answersName} {
			w := inSample(t)
			path := filepath.Join(w.Files, "t", file)
			if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
				t.Fatal(err)
			}
			if name == "" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := graph.Compile(&graph.Node{Name: "t", Implementation: "DRIFT_DETECTOR", ModelURI: "there"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = All().New(&plan.Steps[0], w)
			if name == "" && file == answersName {
				if err != nil {
					t.Errorf("answers need a reference: %v", err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `node "t": modelUri: `) {
				t.Errorf("%s is %s: error is %v, want %s", file, name, err, want)
			}
		}
	}
}

// The rows of a window cost no allocation, and a million of them no memory.
func TestDriftDoesNotGrow(t *testing.T) {
	d := driftNode(t, inSample(t)).requests
	rows := drawn(rand.New(rand.NewPCG(1, 1)), tumours(t), 1000, nil)
	if n := testing.AllocsPerRun(20, func() { take(t, d, rows) }); n > 0 {
		t.Errorf("1000 rows, five windows, cost %v allocations", n)
	}
	size := func(times int) uint64 {
		for range times {
			take(t, d, rows)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, more := size(20), 80
	if long.Asked() { // make e2e-long
		more = 980
	}
	if after := size(more); after > before+64<<10 {
		t.Errorf("the heap has %d bytes after 20,000 rows and %d after %d,000 more", before, after, more)
	}
	runtime.KeepAlive(d)
}

func TestDriftPage(t *testing.T) {
	w := inSample(t)
	w.Watch = &Watch{}
	d := driftNode(t, w, "window", "100")
	take(t, d.requests, drawn(rand.New(rand.NewPCG(1, 1)), tumours(t), 150, func(row []float64) { row[4] = 9 }))
	report := w.Watch.report(w.Watch.listed(), false)
	if len(report.Nodes) != 1 || report.Nodes[0].Answers.Windows != 0 || report.Nodes[0].Answers.Reference == "" {
		t.Fatalf("the page says %+v", report)
	}
	side := report.Nodes[0].Requests
	first := side.Last.Features[0]
	if first.KS == nil || *first.KS != 1 {
		t.Errorf("the first feature is %+v", first)
	}
	first.KS, first.Chance, first.PSI, first.Chi2 = nil, 0, 0, 0
	if diff := cmp.Diff(FeatureReport{Feature: "mean smoothness", Drift: true}, first); diff != "" || side.Rows != 50 || len(side.Last.Features) != 30 {
		t.Error(diff, side)
	}
}
