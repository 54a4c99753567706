package tensor

import (
	"bytes"
	"testing"
)

// TestRowsThereAndBack joins tensors and cuts them again, in each way to hold
// elements.
func TestRowsThereAndBack(t *testing.T) {
	parse := func(text string) Tensor {
		p, err := Parse([]byte(text), Dialect{Words: true, Base64: true})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	raw := func(rows int64, b ...byte) Tensor {
		p, err := New(Uint16, []int64{rows, 1}, b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, ts := range map[string][]Tensor{
		"numbers":         {parse(`[[1,2.50]]`), parse("[[3 , 4e0],[ 5,\n6]]"), parse(`[[NaN,7]]`)},
		"integers":        {parse(`[1]`), parse(`[2,3]`)},
		"strings":         {parse(`[["a"],["b"]]`), parse(`[["c"]]`)},
		"booleans":        {parse(`[[true,false]]`), parse(`[[false,false]]`)},
		"bytes":           {raw(1, 1, 2), raw(2, 3, 4, 5, 6)},
		"deeper":          {parse(`[[[1,2],[3,4]]]`), parse(`[[[5,6],[7,8]],[[9,0],[1,2]]]`)},
		"rows of nothing": {parse(`[[],[]]`), parse(`[[]]`)},
	} {
		t.Run(name, func(t *testing.T) {
			whole, err := Concat(ts)
			if err != nil {
				t.Fatal(err)
			}
			var counts []int64
			for _, p := range ts {
				counts = append(counts, p.Shape[0])
			}
			pieces, err := whole.Cut(counts)
			if err != nil {
				t.Fatal(err)
			}
			style := Style{NaN: "NaN", Infinity: "Infinity"}
			for i := range ts {
				want, _ := ts[i].AppendNested(nil, style)
				got, err := pieces[i].AppendNested(nil, style)
				if err != nil || !bytes.Equal(got, want) || !bytes.Equal(pieces[i].AppendLike(nil), whole.AppendLike(nil)) {
					t.Errorf("piece %d is %s, %v, want %s", i, got, err, want)
				}
			}
			if _, err := whole.Cut([]int64{1}); err == nil {
				t.Error("one row is all of several")
			}
		})
	}
	for name, ts := range map[string][]Tensor{
		"shapes":  {parse(`[[1]]`), parse(`[[1,2]]`)},
		"kinds":   {parse(`[1]`), parse(`["a"]`)},
		"scalars": {parse(`1`), parse(`2`)},
		"none":    {},
	} {
		if whole, err := Concat(ts); err == nil {
			t.Errorf("%s: joined to %v", name, whole.Shape)
		}
	}
}
