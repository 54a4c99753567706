package tensor

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// FuzzParse reads what it wrote, and gets the same numbers as encoding/json.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`[[1,2],[3,4.5]]`, `[ [ 0.125 , 1.0 ] ,\n[ 3.25 , -4.5 ] ]`, `[[[1],[2]],[[3],[4]]]`, `5`, `[]`, `[[],[]]`, `[[1],[2,3]]`, `["a","NaN"]`, `["NaN",1]`, `[true,false]`, `[null]`,
		`[{"b64":"/w=="}]`, `[1e400]`, `[-0]`, `[NaN,Infinity,-Infinity]`, `[9223372036854775808]`, `[[[[1]]]]`, `[1,`, `["\ud800"]`,
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, text []byte, flags uint8) {
		dialect := Dialect{Null: flags&1 != 0, Words: flags&2 != 0, Base64: flags&4 != 0}
		parsed, err := Parse(text, dialect)
		if err != nil {
			return
		}
		n, err := Elements(parsed.Shape)
		if err != nil || n != parsed.Len() {
			t.Fatalf("%d elements in the shape %v: %v", parsed.Len(), parsed.Shape, err)
		}
		copied(t, parsed)
		typed, err := parsed.Typed()
		if err != nil {
			return
		}
		style := Style{NaN: "NaN", Infinity: "Infinity", Base64: Base64Binary}
		written, err := typed.AppendNested(nil, style)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(written, Dialect{Base64: true})
		if err != nil {
			t.Fatalf("reading %q again: %v", written, err)
		}
		if again, err = again.As(typed.DType); err != nil {
			t.Fatalf("%q is no longer %v: %v", written, typed.DType, err)
		}
		first, _ := typed.Raw()
		second, _ := again.Raw()
		if n > 0 && !slices.Equal(again.Shape, typed.Shape) || !bytes.Equal(first, second) {
			t.Fatalf("%q became %q", text, written)
		}
		if json.Valid(text) && parsed.Rank() == 1 && parsed.DType == Number {
			compareNumbers(t, text, &typed)
		}
	})
}

// copied reports a tensor whose text is copied otherwise than its numbers are written
// one by one.
func copied(t *testing.T, parsed Tensor) {
	t.Helper()
	for _, dtype := range []DType{Number, FP32, Int64} {
		as, err := parsed.As(dtype)
		if err != nil {
			continue
		}
		slow := as
		slow.lengths = nil
		for _, style := range []Style{{NaN: "NaN", Infinity: "Infinity"}, {NaN: `"NaN"`, Infinity: `"Infinity"`}} {
			got, err := as.AppendNested([]byte("x"), style)
			want, wantErr := slow.AppendNested([]byte("x"), style)
			if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
				t.Fatalf("as %v it is %q, %v, and one by one %q, %v", dtype, got, err, want, wantErr)
			}
		}
	}
}

func compareNumbers(t *testing.T, text []byte, typed *Tensor) {
	t.Helper()
	var want []float64
	if json.Unmarshal(text, &want) != nil {
		return
	}
	got, err := typed.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("null")) {
		return
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q is %v, want %v", text, got, want)
	}
}

// FuzzConvert converts elements there and back: what is not refused comes back
// as it was, unless it became a narrower float.
func FuzzConvert(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 255, 255, 127, 127}, uint8(FP32), uint8(FP64))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 32, 0}, uint8(Int64), uint8(FP64))
	f.Add([]byte{255}, uint8(Int8), uint8(Uint64))
	f.Add([]byte{0, 60, 1, 4}, uint8(FP16), uint8(BF16))
	f.Fuzz(func(t *testing.T, raw []byte, from, to uint8) {
		source, target := DType(from%uint8(dtypes)), DType(to%uint8(dtypes))
		if source.Size() == 0 || source == Bool {
			return
		}
		raw = raw[:len(raw)/source.Size()*source.Size()]
		x, err := New(source, []int64{int64(len(raw) / source.Size())}, raw)
		if err != nil {
			t.Fatal(err)
		}
		converted, err := x.As(target)
		if err != nil {
			return
		}
		if _, err := converted.Raw(); err != nil && target != Number {
			t.Fatal(err)
		}
		if target.IsFloat() && source.IsFloat() && target.Size() <= source.Size() || target == Number {
			return
		}
		back, err := converted.As(source)
		if err != nil {
			t.Fatalf("%v to %v cannot return: %v", source, target, err)
		}
		got, _ := back.Float64s()
		want, _ := x.Float64s()
		for i := range want {
			if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("%v through %v became %v", want[i], target, got[i])
			}
		}
	})
}
