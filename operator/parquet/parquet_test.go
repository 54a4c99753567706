package parquet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/reference"
)

// The files are those that pyarrow writes: testdata/make.py.
func TestRows(t *testing.T) {
	want := []reference.Column{
		{Name: "double", Numbers: []float64{.5, 1.5, 2.5, 3.5, 4.5}},
		{Name: "single", Numbers: []float64{0, .25, .5, .75, 1}},
		{Name: "long", Numbers: []float64{0, -1 << 40, -2 << 40, -3 << 40, -4 << 40}},
		{Name: "small", Numbers: []float64{0, -1, -2, -3, -4}},
		{Name: "unsigned", Numbers: []float64{1<<32 - 1, 1<<32 - 2, 1<<32 - 3, 1<<32 - 4, 1<<32 - 5}},
		{Name: "flag", Numbers: []float64{0, 1, 0, 1, 0}},
		{Name: "word", Words: []string{"red", "blue", "red", "", "green"}},
	}
	for _, name := range []string{"none", "snappy", "gzip", "zstd", "plain"} {
		body, err := os.ReadFile(filepath.Join("testdata", name+".parquet"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Rows(body)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !Is(body) {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestRowsRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"missing": `column 0, "a": row 1: there is no value`,
		"nested":  `column 0, "a": it is nested`,
		"date":    `its type is date: want numbers`,
		"decimal": `its type is decimal(3,2): want numbers`,
	} {
		body, err := os.ReadFile(filepath.Join("testdata", name+".wrong.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Rows(body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %s", name, err, want)
		}
	}
	whole, err := os.ReadFile(filepath.Join("testdata", "snappy.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 37 {
		if columns, err := Rows(whole[:cut]); err == nil {
			t.Errorf("%d of %d bytes make %v", cut, len(whole), columns)
		}
		// A byte that is another one ends in an error, or other values, and no panic.
		damaged := append([]byte(nil), whole...)
		damaged[cut] ^= 0xff
		_, _ = Rows(damaged)
	}
}
