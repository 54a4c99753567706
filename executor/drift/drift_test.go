package drift

import (
	"encoding/json"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/reference"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// truth is what testdata/truth.py prints of one set of data.
type truth struct {
	Reference, Window [][]float64
	KS, KSChance, PSI []float64
	Chi2, Chi2Chance  []float64
}

func columnOf(t *testing.T, rows [][]float64, j int) *Column {
	t.Helper()
	c := reference.Column{Numbers: []float64{}}
	for _, row := range rows {
		c.Numbers = append(c.Numbers, row[j])
	}
	r, err := reference.Build([]reference.Column{c}, reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	column, err := NewColumn("x", &r.Features[0], r.Rows)
	if err != nil {
		t.Fatal(err)
	}
	return column
}

// KS is that of SciPy within what lies between two quantiles; PSI and chi-squared
// are those of the same parts.
func TestStatisticsAreThoseOfSciPy(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), tools.Path(t, "crossed-servers"), "testdata/truth.py").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]truth{}
	if err := json.Unmarshal(out, &all); err != nil || len(all) != 3 {
		t.Fatalf("%d sets of data, %v", len(all), err)
	}
	near := func(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*max(1, math.Abs(b)) }
	for name, truth := range all {
		worst, chance := 0.0, 0.0
		for j := range truth.KS {
			c := columnOf(t, truth.Reference, j)
			counts := make([]uint32, c.Places())
			for _, row := range truth.Window {
				counts[c.Place(row[j])]++
			}
			s := c.Compare(counts, len(truth.Window))
			worst = max(worst, truth.KS[j]-s.KS)
			if s.KS > truth.KS[j]+1e-12 || s.KS < truth.KS[j]-KSError(int64(len(truth.Reference))) {
				t.Errorf("%s, feature %d: KS is %v, SciPy's %v", name, j, s.KS, truth.KS[j])
			}
			if !near(s.PSI, truth.PSI[j], 1e-9) || !near(s.Chi2, truth.Chi2[j], 1e-9) || !near(s.Chi2Chance, truth.Chi2Chance[j], 1e-9) {
				t.Errorf("%s, feature %d: PSI is %v, want %v; chi-squared %v (%v), want %v (%v)",
					name, j, s.PSI, truth.PSI[j], s.Chi2, s.Chi2Chance, truth.Chi2[j], truth.Chi2Chance[j])
			}
			// The chance of the same distance: what SciPy has for its own is not larger.
			exact := kolmogorov(truth.KS[j], float64(len(truth.Reference)), float64(len(truth.Window)))
			if want := truth.KSChance[j]; want > 1e-8 {
				chance = max(chance, math.Abs(math.Log(exact/want)))
			}
		}
		if chance > math.Log(1.3) {
			t.Errorf("%s: chances are off by a factor of %.2f", name, math.Exp(chance))
		}
		t.Logf("%s: %d features; KS is at most %.4f below, chances are off by a factor of %.2f", name, len(truth.KS), worst, math.Exp(chance))
	}
}

// Each value has one place, in the order of the values.
func TestPlaces(t *testing.T) {
	rows := [][]float64{}
	for i := range 37 {
		rows = append(rows, []float64{float64(i * i % 11)})
	}
	c := columnOf(t, rows, 0)
	last := -1
	for v := -2.0; v < 13; v += .25 {
		place := c.Place(v)
		if place < last || place >= c.Places() {
			t.Errorf("%v has place %d of %d, after %d", v, place, c.Places(), last)
		}
		last = place
	}
	if last != c.Places()-1 {
		t.Errorf("the last place is %d of %d", last, c.Places())
	}
}

// What is constant in the reference differs when it has another value, below and
// above; a frequent value is told from what is below it.
func TestFewValues(t *testing.T) {
	constant, flag := [][]float64{}, [][]float64{}
	for i := range 100 {
		constant = append(constant, []float64{5})
		flag = append(flag, []float64{float64(min(i/5, 1))})
	}
	for _, c := range []struct {
		rows [][]float64
		now  []float64
		want float64
	}{{constant, []float64{5}, 0}, {constant, []float64{4}, 1}, {constant, []float64{6}, 1}, {flag, []float64{0}, .95}, {flag, []float64{1}, .05}} {
		column := columnOf(t, c.rows, 0)
		counts := make([]uint32, column.Places())
		counts[column.Place(c.now[0])] += 50
		s := column.Compare(counts, 50)
		if math.Abs(s.KS-c.want) > KSError(100) || c.want > .5 && (s.Chi2Chance > 1e-9 || s.KSChance > 1e-9) || c.want == 0 && s.Chi2Chance < 1 {
			t.Errorf("%v rows of %v: %+v", len(c.rows), c.now, s)
		}
	}
}

func TestWords(t *testing.T) {
	f := reference.Feature{Categories: map[string]int64{"red": 60, "blue": 40}}
	c, err := NewColumn("color", &f, 100)
	if err != nil {
		t.Fatal(err)
	}
	count := func(words string) []uint32 {
		counts := make([]uint32, c.Places())
		for _, word := range strings.Fields(words) {
			counts[c.Word([]byte(word))]++
		}
		return counts
	}
	same := c.Compare(count(strings.Repeat("red red red blue blue ", 10)), 50)
	if same.Chi2 != 0 || same.PSI != 0 || same.Chi2Chance != 1 {
		t.Errorf("the same words are %+v", same)
	}
	other := c.Compare(count(strings.Repeat("red red red green blue ", 10)), 50)
	// scipy.stats.chi2_contingency([[60, 40, 0], [30, 10, 10]], correction=False)
	if math.Abs(other.Chi2-24) > 1e-12 || math.Abs(other.Chi2Chance-math.Exp(-12)) > 1e-15 || c.Numeric() {
		t.Errorf("other words are %+v", other)
	}
	if a, b := Hash([]*Column{c}), Hash([]*Column{columnOf(t, [][]float64{{1}, {2}}, 0)}); a == b {
		t.Errorf("columns have one hash %s", strconv.Quote(a))
	}
}
