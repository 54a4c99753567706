package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// forest scores rows by how few cuts at random set them apart from all others (F. T.
// Liu, K. M. Ting, Z.-H. Zhou, Isolation forest, 2008), by trees that scikit-learn
// has grown.
type forest struct {
	features  int
	threshold float64
	trees     []tree
	// nodes are those of all trees; the left child of one is the next one.
	nodes []forestNode
	// depths are those of nodes that are leaves: the cuts above, and those that the
	// rows in the leaf would take on the average.
	depths []float64
	// scale is what the sum of the depths is divided by.
	scale float64
}

// tree is the place of a root, and how many cuts the longest way has.
type tree struct{ root, height int32 }

// forestNode sends a row to the left if its feature is at most value, and else past
// the nodes on the left, which are as many as skip. A leaf has the value -Inf and the
// skip -1.
type forestNode struct {
	value         float64
	feature, skip int32
}

const (
	forestFormat  = "radiant-forest"
	forestVersion = 1
	// maxForest bounds a file; the forest of a thousand trees of 256 rows has 20 MB.
	maxForest = 256 << 20
)

// forestFile is what a file holds: docs/nodes.md.
type forestFile struct {
	Format    string       `json:"format"`
	Version   int          `json:"version"`
	Features  int          `json:"features"`
	Samples   int          `json:"samples"`
	Threshold float64      `json:"threshold"`
	Trees     []forestTree `json:"trees"`
}

// forestTree has a list for each property of its nodes, of which the first is the
// root. A leaf has -1 as its children.
type forestTree struct {
	Left    []int32   `json:"left"`
	Right   []int32   `json:"right"`
	Feature []int32   `json:"feature"`
	Value   []float64 `json:"value"`
	Rows    []int32   `json:"rows"`
}

func newForest(s *graph.Step, w *World) (Node, error) {
	n := s.Node
	path, err := w.file(n, graph.BuiltinOf(n.Implementation).File())
	if err != nil {
		return nil, err
	}
	f, err := readForest(path)
	if err != nil {
		return nil, fmt.Errorf("modelUri: %w", err)
	}
	if n.Setting("threshold") != "" {
		f.threshold = number(n, "threshold")
	}
	return newDetector(s, w, f)
}

func readForest(path string) (*forest, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxForest {
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that a forest may have", path, info.Size(), maxForest)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := parseForest(body)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return f, nil
}

func parseForest(body []byte) (*forest, error) {
	var file forestFile
	if err := json.Unmarshal(body, &file); err != nil {
		return nil, fmt.Errorf("it is no forest: %w", err)
	}
	switch {
	case file.Format != forestFormat:
		return nil, fmt.Errorf("it is no forest: its format is %q, not %q", file.Format, forestFormat)
	case file.Version != forestVersion:
		return nil, fmt.Errorf("it is a forest of version %d, and this program reads version %d: make it anew", file.Version, forestVersion)
	case file.Features < 1 || file.Samples < 1 || len(file.Trees) == 0:
		return nil, fmt.Errorf("it has %d features, %d samples and %d trees", file.Features, file.Samples, len(file.Trees))
	}
	f := &forest{features: file.Features, threshold: file.Threshold, scale: float64(len(file.Trees)) * paths(file.Samples)}
	for i := range file.Trees {
		t := tree{root: int32(len(f.nodes))} //nolint:gosec // a file has fewer nodes than bytes
		var err error
		if t.height, err = f.grow(&file.Trees[i]); err != nil {
			return nil, fmt.Errorf("tree %d: %w", i, err)
		}
		f.trees = append(f.trees, t)
	}
	return f, nil
}

// branch is a node of a file that is still to be added.
type branch struct {
	node, depth int32
	// parent is the place of the node whose right child it is; -1: nobody's.
	parent int32
}

// grow adds the nodes of a tree, each before those below it, and returns its height.
func (f *forest) grow(t *forestTree) (height int32, err error) {
	n := len(t.Left)
	if n == 0 || len(t.Right) != n || len(t.Feature) != n || len(t.Value) != n || len(t.Rows) != n {
		return 0, errors.New("its lists have no nodes, or not as many")
	}
	seen, todo := make([]bool, n), []branch{{0, 0, -1}}
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b.node < 0 || int(b.node) >= n || seen[b.node] {
			return 0, fmt.Errorf("node %d is not there, or has two parents", b.node)
		}
		seen[b.node] = true
		at := int32(len(f.nodes)) //nolint:gosec // a file has fewer nodes than bytes
		if b.parent >= 0 {
			f.nodes[b.parent].skip = at - b.parent - 1
		}
		left, right, feature := t.Left[b.node], t.Right[b.node], t.Feature[b.node]
		if left == -1 && right == -1 {
			if t.Rows[b.node] < 1 {
				return 0, fmt.Errorf("leaf %d has %d rows", b.node, t.Rows[b.node])
			}
			f.add(forestNode{value: math.Inf(-1), skip: -1}, float64(b.depth)+paths(int(t.Rows[b.node])))
			continue
		}
		if feature < 0 || int(feature) >= f.features {
			return 0, fmt.Errorf("node %d asks for feature %d of %d", b.node, feature, f.features)
		}
		f.add(forestNode{value: mostThatRounds(t.Value[b.node]), feature: feature}, 0)
		height = max(height, b.depth+1)
		todo = append(todo, branch{right, b.depth + 1, at}, branch{left, b.depth + 1, -1})
	}
	return height, nil
}

func (f *forest) add(n forestNode, depth float64) {
	f.nodes, f.depths = append(f.nodes, n), append(f.depths, depth)
}

// paths is how many cuts set one of so many rows apart on the average.
func paths(rows int) float64 {
	const euler = 0.577215664901532860606512090082402431
	switch n := float64(rows); {
	case rows <= 1:
		return 0
	case rows == 2:
		return 1
	default:
		return 2*(math.Log(n-1)+euler) - 2*(n-1)/n
	}
}

// mostThatRounds is the greatest number that is at most a value when it is rounded
// to float32. The trees of scikit-learn see rows so.
func mostThatRounds(value float64) float64 {
	below := float32(value)
	if float64(below) > value {
		below = math.Nextafter32(below, float32(math.Inf(-1)))
	}
	above := math.Nextafter32(below, float32(math.Inf(1)))
	if math.IsInf(float64(above), 1) {
		return math.MaxFloat64
	}
	between := (float64(below) + float64(above)) / 2
	if float32(between) > below {
		between = math.Nextafter(between, math.Inf(-1))
	}
	return between
}

func (f *forest) width() int { return f.features }

func (f *forest) judge(rows table) (verdict, error) {
	v := verdict{rows: rows.rows, judged: true, above: f.threshold}
	for i := range rows.rows {
		row := rows.row(i)
		for j, x := range row {
			if math.IsInf(float64(float32(x)), 0) {
				return v, protocol.Errorf(protocol.Invalid, "row %d, feature %d is %v: want a number that fits float32", i, j, x)
			}
		}
		score := f.score(row)
		v.add(i, score, score > f.threshold)
	}
	return v, nil
}

// score is 2 to the power of minus the mean depth of the row, in parts of what the
// mean is over all rows: near 1 for a row that is soon alone.
func (f *forest) score(row []float64) float64 {
	if f.scale == 0 {
		return .5
	}
	sum := 0.0
	for _, t := range f.trees {
		// A processor cannot guess the way of a row, so nothing branches on it: the sign
		// of the difference leads, and a leaf leads to itself.
		at := t.root
		for range t.height {
			n := &f.nodes[at]
			right := -int32(math.Float64bits(n.value-row[n.feature]) >> 63)
			at += 1 + n.skip&right
		}
		sum += f.depths[at]
	}
	return math.Exp2(-sum / f.scale)
}
