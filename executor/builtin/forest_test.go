package builtin

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// inForest is a world in which node "t" has the file.
func inForest(t testing.TB, file []byte) *World {
	t.Helper()
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "t"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "t", "forest.json"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return &World{Files: folder}
}

// Scores are those of scikit-learn for the same trees, on the cuts too.
func TestForestsAreThoseOfScikitLearn(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tools.Path(t, "crossed-servers"), "testdata/forest.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct {
		Forest   json.RawMessage
		Rows     [][]float64
		Scores   []float64
		Outliers []bool
	}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 5 {
		t.Fatalf("%d forests, %v", len(all), err)
	}
	for name, c := range all {
		d := made(t, inForest(t, c.Forest), "ISOLATION_FOREST_DETECTOR").(*forest)
		got := make([]float64, len(c.Rows))
		for i, row := range c.Rows {
			got[i] = d.score(row)
		}
		same(t, name, 1e-12, got, c.Scores)
		v, err := d.judge((&dataset{Rows: c.Rows}).table())
		if err != nil {
			t.Fatal(err)
		}
		flagged := make([]bool, len(c.Rows))
		for _, row := range v.outliers {
			flagged[row] = true
		}
		for i := range flagged {
			// A row on the threshold may be on either side, by rounding.
			if flagged[i] != c.Outliers[i] && math.Abs(c.Scores[i]-d.threshold) > 1e-12 {
				t.Errorf("%s: row %d with the score %v is an outlier: %v", name, i, c.Scores[i], flagged[i])
			}
		}
	}
}

// grown is a forest of trees with cuts at random through rows.
func grown(rows [][]float64, trees, samples int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	file := forestFile{Format: forestFormat, Version: forestVersion, Features: len(rows[0]), Samples: samples, Threshold: .6}
	for range trees {
		var tree forestTree
		var grow func(inside [][]float64, depth int) int32
		grow = func(inside [][]float64, depth int) int32 {
			at := int32(len(tree.Left))
			tree.Left, tree.Right, tree.Feature = append(tree.Left, -1), append(tree.Right, -1), append(tree.Feature, -1)
			tree.Value, tree.Rows = append(tree.Value, 0), append(tree.Rows, int32(len(inside)))
			if len(inside) < 2 || depth == int(math.Ceil(math.Log2(float64(samples)))) {
				return at
			}
			feature := r.IntN(file.Features)
			low, high := inside[0][feature], inside[0][feature]
			for _, row := range inside {
				low, high = min(low, row[feature]), max(high, row[feature])
			}
			value := low + r.Float64()*(high-low)
			var left, right [][]float64
			for _, row := range inside {
				if row[feature] <= value {
					left = append(left, row)
				} else {
					right = append(right, row)
				}
			}
			if len(left) == 0 || len(right) == 0 {
				return at // A row that was drawn twice.
			}
			tree.Feature[at], tree.Value[at] = int32(feature), value
			tree.Left[at] = grow(left, depth+1)
			tree.Right[at] = grow(right, depth+1)
			return at
		}
		drawn := make([][]float64, samples)
		for i := range drawn {
			drawn[i] = rows[r.IntN(len(rows))]
		}
		grow(drawn, 0)
		file.Trees = append(file.Trees, tree)
	}
	body, err := json.Marshal(&file)
	if err != nil {
		panic(err)
	}
	return body
}

// Files that are no forest, and those that would lead a row astray, are refused.
func TestForestRefuses(t *testing.T) {
	const head = `{"format":"radiant-forest","version":1,"features":2,"samples":4,"threshold":0.5,"trees":`
	tree := func(left, right, feature, value, rows string) string {
		return head + `[{"left":` + left + `,"right":` + right + `,"feature":` + feature + `,"value":` + value + `,"rows":` + rows + `}]}`
	}
	right := tree(`[1,-1,-1]`, `[2,-1,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`)
	if f, err := parseForest([]byte(right)); err != nil || f.score([]float64{0, 0}) <= f.score([]float64{1, 0}) {
		t.Errorf("a right one: %v", err)
	}
	for want, file := range map[string]string{
		"it is no forest":         "{",
		`its format is ""`:        "{}",
		"version 2":               strings.Replace(right, `"version":1`, `"version":2`, 1),
		"0 trees":                 head + "[]}",
		"not as many":             tree(`[1,-1,-1]`, `[2,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`),
		"no nodes":                tree(`[]`, `[]`, `[]`, `[]`, `[]`),
		"feature 2 of 2":          tree(`[1,-1,-1]`, `[2,-1,-1]`, `[2,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`),
		"leaf 1 has 0 rows":       tree(`[1,-1,-1]`, `[2,-1,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,0,3]`),
		"node 0 is not there":     tree(`[0,-1,-1]`, `[2,-1,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`),
		"node 3 is not there":     tree(`[1,-1,-1]`, `[3,-1,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`),
		"node -1 is not there":    tree(`[1,-1,-1]`, `[-1,-1,-1]`, `[0,-1,-1]`, `[0.5,0,0]`, `[4,1,3]`),
		"cannot unmarshal string": strings.Replace(right, "0.5,0,0", `"x",0,0`, 1),
	} {
		s := step(t, "ISOLATION_FOREST_DETECTOR", 1)
		s.Node.ModelURI = "there"
		if _, err := All().New(s, inForest(t, []byte(file))); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `node "t": modelUri: `) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	s := step(t, "ISOLATION_FOREST_DETECTOR", 1)
	if _, err := All().New(s, &World{}); err == nil || !strings.Contains(err.Error(), "modelUri is missing") {
		t.Errorf("error is %v", err)
	}
	s.Node.ModelURI = "there"
	if _, err := All().New(s, &World{Files: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error is %v", err)
	}
	d := made(t, inForest(t, []byte(right)), "ISOLATION_FOREST_DETECTOR")
	if _, err := d.judge(table{values: []float64{1, 1e39}, rows: 1, width: 2}); err == nil || err.Error() != "row 0, feature 1 is 1e+39: want a number that fits float32" {
		t.Errorf("error is %v", err)
	}
}

// The threshold of a node counts before that of the file.
func TestForestThreshold(t *testing.T) {
	rows := features30(300)
	w := inForest(t, grown(rows.Rows, 20, 64))
	for threshold, want := range map[string]int{"0": 300, "1": 0} {
		v, err := made(t, w, "ISOLATION_FOREST_DETECTOR", "threshold", threshold).judge(rows.table())
		if err != nil || len(v.outliers) != want {
			t.Errorf("above %s: %d outliers, %v", threshold, len(v.outliers), err)
		}
	}
	node := graph.Node{Implementation: "ISOLATION_FOREST_DETECTOR", ModelURI: "x", Parameters: []graph.Parameter{{Name: "threshold", Value: "1.1"}}}
	if faults := graph.BuiltinFaults(&node); len(faults) != 1 {
		t.Errorf("faults are %v", faults)
	}
}
