package tensor

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	cases := []struct {
		text    string
		dialect Dialect
		dtype   DType // after Typed
		shape   []int64
		want    string // AppendNested, or an error
	}{
		{text: `[[1,2],[3,4]]`, dtype: Int64, shape: []int64{2, 2}, want: `[[1,2],[3,4]]`},
		{text: ` [ 0.10 , 1E3 ] `, dtype: FP64, shape: []int64{2}, want: `[0.10,1E3]`},
		{text: `7`, dtype: Int64, shape: nil, want: `7`},
		{text: `-0`, dtype: Int64, shape: nil, want: `-0`},
		{text: `[1,2.5]`, dtype: FP64, shape: []int64{2}, want: `[1.0,2.5]`},
		{text: `[]`, dtype: FP64, shape: []int64{0}, want: `[]`},
		{text: `[[],[],[]]`, dtype: FP64, shape: []int64{3, 0}, want: `[[],[],[]]`},
		{text: `[[[]]]`, dtype: FP64, shape: []int64{1, 1, 0}, want: `[[[]]]`},
		{text: "[ [1, 2] ,\n\t[ 3,4 ] ]", dtype: Int64, shape: []int64{2, 2}, want: `[[1,2],[3,4]]`},
		{text: `[[1,2],["NaN",4.5]]`, dialect: Dialect{Words: true}, dtype: FP64, shape: []int64{2, 2}, want: `[[1.0,2.0],[NaN,4.5]]`},
		{text: "[ [1, null] , [null ,4.5] ]", dialect: Dialect{Null: true}, dtype: FP64, shape: []int64{2, 2}, want: `[[1.0,NaN],[NaN,4.5]]`},
		{text: `[true,false]`, dtype: Bool, shape: []int64{2}, want: `[true,false]`},
		{text: `["a","\u00fc\ud83d\ude00"]`, dtype: Bytes, shape: []int64{2}, want: `["a","ü😀"]`},
		{text: `"a"`, dtype: Bytes, shape: nil, want: `"a"`},
		{text: `[9223372036854775807]`, dtype: Int64, shape: []int64{1}, want: `[9223372036854775807]`},
		{text: `[9223372036854775808]`, dtype: Uint64, shape: []int64{1}, want: `[9223372036854775808]`},
		{text: `[NaN,-Infinity]`, dtype: FP64, shape: []int64{2}, want: `[NaN,-Infinity]`},
		{text: `[null,1]`, dialect: Dialect{Null: true}, dtype: FP64, shape: []int64{2}, want: `[NaN,1.0]`},
		{text: `["NaN","-Infinity",1]`, dialect: Dialect{Words: true}, dtype: FP64, shape: []int64{3}, want: `[NaN,-Infinity,1.0]`},
		{text: `["NaN","b"]`, dialect: Dialect{Words: true}, dtype: Bytes, shape: []int64{2}, want: `["NaN","b"]`},
		{text: `["b","NaN"]`, dialect: Dialect{Words: true}, dtype: Bytes, shape: []int64{2}, want: `["b","NaN"]`},
		{text: `[{"b64":"/w"},"x"]`, dialect: Dialect{Base64: true}, dtype: Bytes, shape: []int64{2}, want: `[{"b64":"/w=="},"x"]`},

		{text: `[[1],[2,3]]`, want: `error: element [1]: the arrays are ragged: 2 elements where others have 1`},
		{text: `[[1],2]`, want: `error: element [1]: the arrays are ragged: an element where others have an array`},
		{text: `[1,[2]]`, want: `error: element [1]: the arrays are ragged: an array where others have an element`},
		{text: `[[],1]`, want: `error: element [1]: the arrays are ragged: an element where others have an array`},
		{text: `[[[]],[[1]]]`, want: `error: element [1][0]: the arrays are ragged: 1 elements where others have 0`},
		{text: `[1,"a"]`, want: `error: element [1]: a string where the first element is a number`},
		{text: `[true,1]`, want: `error: element [1]: a number where the first element is true or false`},
		{text: `[[1,null]]`, want: `error: element [0][1]: null is no value of a tensor`},
		{text: `[{"a":1}]`, want: `error: element [0]: an object is no value of a tensor`},
		{text: `[{"b64":"?"}]`, dialect: Dialect{Base64: true}, want: `error: element [0]: not base64: illegal base64 data at input byte 0`},
		{text: `["\ud800"]`, want: `error: element [0]: half of a surrogate pair in a string`},
		{text: "[\"\xff\"]", want: `error: element [0]: a string is not valid UTF-8`},
		{text: `[01]`, want: `error: unexpected '1' at byte 2 of the JSON`},
		{text: `[1`, want: `error: the JSON ends too early`},
		{text: ``, want: `error: the JSON ends too early`},
		{text: `[1]]`, want: `error: unexpected ']' behind the value`},
		{text: `[9007199254740993,0.5]`, want: `error: element [0]: 9007199254740993 has more digits than it can hold (FP64)`},
		{text: `[18446744073709551616]`, want: `error: element [0]: 18446744073709551616 is out of range (INT64)`},
		{text: `[1e400]`, want: `error: element [0]: 1e400 is out of range (FP64)`},
		{text: strings.Repeat("[", 70), want: `error: more than 64 dimensions`},
	}
	for _, c := range cases {
		got, err := Parse([]byte(c.text), c.dialect)
		if err == nil {
			got, err = got.Typed()
		}
		var text []byte
		if err == nil {
			text, err = got.AppendNested(nil, Style{NaN: "NaN", Infinity: "Infinity", Base64: Base64Binary})
		}
		if err != nil {
			text = []byte("error: " + err.Error())
		}
		if string(text) != c.want {
			t.Errorf("%s: %s, want %s", c.text, text, c.want)
		}
		if err == nil && (got.DType != c.dtype || !cmp.Equal(got.Shape, c.shape)) {
			t.Errorf("%s: %v %v, want %v %v", c.text, got.DType, got.Shape, c.dtype, c.shape)
		}
	}
}

func TestParseFlat(t *testing.T) {
	for _, text := range []string{`[1,2,3,4,5,6]`, `[[1,2,3],[4,5,6]]`, `[[1,2],[3],[4,5,6]]`, `[[],[ 1,2 ],[3, [ ]],[[4,5],6,[]]]`} {
		got, err := ParseFlat([]byte(text), []int64{3, 2}, Dialect{})
		if err != nil {
			t.Fatal(err)
		}
		if nested, _ := got.AppendNested(nil, Style{}); string(nested) != `[[1,2],[3,4],[5,6]]` {
			t.Errorf("%s: %s", text, nested)
		}
		if flat, _ := got.AppendFlat(nil, Style{}); string(flat) != `1,2,3,4,5,6` {
			t.Errorf("%s: %s", text, flat)
		}
	}
	for _, shape := range [][]int64{{7}, {-1, 6}, {1 << 40, 1 << 40}} {
		if _, err := ParseFlat([]byte(`[1,2,3,4,5,6]`), shape, Dialect{}); err == nil {
			t.Errorf("the shape %v is accepted", shape)
		}
	}
	if _, err := ParseFlat([]byte(`5`), nil, Dialect{}); err == nil {
		t.Error("a bare number is accepted as a list")
	}
}

func TestAs(t *testing.T) {
	cases := []struct {
		text     string
		from, to DType // from Number: the text itself
		want     string
	}{
		{"[1.0]", Number, Int32, "1"}, {"[1e3]", Number, Int16, "1000"}, {"[-0.0]", Number, Int16, "0"}, {"[-2.0]", Number, Int16, "-2"}, {"[-128]", Number, Int8, "-128"},
		{"[12300e-2]", Number, Uint8, "123"},
		{"[-129]", Number, Int8, "error: element [0]: -129 is out of range (INT8)"},
		{"[-1]", Number, Uint64, "error: element [0]: -1 is out of range (UINT64)"},
		{"[1.5]", Number, Int32, "error: element [0]: 1.5 is not a whole number (INT32)"},
		{"[1e999999999999]", Number, Int64, "error: element [0]: 1e999999999999 is out of range (INT64)"},
		{"[1e-999999999999]", Number, Int64, "error: element [0]: 1e-999999999999 is not a whole number (INT64)"},
		{"[0e999999999999]", Number, Int64, "0"},
		{"[NaN]", Number, Int64, "error: element [0]: NaN is not a number that can be counted with (INT64)"},
		{"[2]", Number, FP32, "2.0"}, {"[0.1]", Number, FP32, "0.1"}, {"[16777216]", Number, FP32, "16777216.0"},
		{"[16777217]", Number, FP32, "error: element [0]: 16777217 has more digits than it can hold (FP32)"},
		{"[16777217.0]", Number, FP32, "16777217.0"},
		{"[1e39]", Number, FP32, "error: element [0]: 1e39 is out of range (FP32)"},
		{"[65520]", Number, FP16, "error: element [0]: 65520 is out of range (FP16)"},
		{"[2049]", Number, FP16, "error: element [0]: 2049 has more digits than it can hold (FP16)"},
		{"[1,0]", Number, Bool, "true,false"}, {"[2]", Number, Bool, "error: element [0]: 2 is out of range (BOOL)"},
		{"[1]", Number, Bytes, "error: numbers are not BYTES"},
		{"[0.1]", FP32, FP64, "0.10000000149011612"}, {"[0.1]", FP64, FP32, "0.1"}, {"[0.1]", FP32, FP16, "0.099975586"},
		{"[1e39]", FP64, FP32, "error: element [0]: 1e+39 is out of range (FP32)"},
		{"[NaN,Infinity,-Infinity]", FP64, BF16, "NaN,Infinity,-Infinity"},
		{"[-0.0]", FP64, FP16, "-0.0"}, {"[-0.0]", FP64, Int8, "0"},
		{"[9007199254740993]", Int64, FP64, "error: element [0]: 9007199254740993 has more digits than it can hold (FP64)"},
		{"[18446744073709551615]", Uint64, FP64, "error: element [0]: 18446744073709551615 has more digits than it can hold (FP64)"},
		{"[-9223372036854775808]", Int64, FP64, "-9223372036854776000.0"},
		{"[-9223372036854775808]", Int64, Uint64, "error: element [0]: -9223372036854775808 is out of range (UINT64)"},
		{"[18446744073709551615]", Uint64, Int64, "error: element [0]: 18446744073709551615 is out of range (INT64)"},
		{"[255]", Uint8, Int8, "error: element [0]: 255 is out of range (INT8)"},
		{"[[1.0,2.5]]", FP64, Int8, "error: element [0][1]: 2.5 is not a whole number (INT8)"},
		{"[NaN]", FP64, Int8, "error: element [0]: NaN is not a whole number (INT8)"},
		{"[1e30]", FP64, Int64, "error: element [0]: 1e+30 is out of range (INT64)"},
	}
	for _, c := range cases {
		got, err := typedFrom(c.text, c.from)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		if got, err = got.As(c.to); err != nil {
			if "error: "+err.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.text, err, c.want)
			}
			continue
		}
		text, err := got.AppendFlat(nil, Style{NaN: "NaN", Infinity: "Infinity"})
		if err != nil || got.DType != c.to {
			t.Errorf("%s: %v %v", c.text, got.DType, err)
		}
		if string(text) != c.want {
			t.Errorf("%s as %v: %s, want %s", c.text, c.to, text, c.want)
		}
	}
}

// typedFrom is a tensor that holds its elements as bytes, unless from is
// Number.
func typedFrom(text string, from DType) (Tensor, error) {
	parsed, err := Parse([]byte(text), Dialect{})
	if err != nil || from == Number {
		return parsed, err
	}
	if parsed, err = parsed.As(from); err != nil {
		return parsed, err
	}
	raw, err := parsed.Raw()
	if err != nil {
		return parsed, err
	}
	return New(from, parsed.Shape, raw)
}

// TestSmallFloats takes each 16-bit float to a wide one and back, and looks at
// some known ones and at rounding.
func TestSmallFloats(t *testing.T) {
	formats := []struct {
		name               string
		exponent, mantissa int
		one                uint16
		largest, smallest  float64
	}{
		{"FP16", halfExponent, halfMantissa, 0x3c00, 65504, 0x1p-24},
		{"BF16", bfloat16Exponent, bfloat16Mantissa, 0x3f80, 0x1.fep127, 0x1p-133},
	}
	for _, f := range formats {
		for bits := range 1 << 16 {
			wide := fromSmall(uint16(bits), f.exponent, f.mantissa)
			back, ok := toSmall(wide, f.exponent, f.mantissa)
			if !ok || back != uint16(bits) && !math.IsNaN(wide) {
				t.Fatalf("%s: %#04x is %v and becomes %#04x", f.name, bits, wide, back)
			}
			if f.name == "BF16" && !math.IsNaN(wide) && float32(wide) != math.Float32frombits(uint32(bits)<<16) {
				t.Fatalf("BF16: %#04x is %v", bits, wide)
			}
		}
		if got := fromSmall(f.one, f.exponent, f.mantissa); got != 1 {
			t.Errorf("%s: one is %v", f.name, got)
		}
		if got := fromSmall(1, f.exponent, f.mantissa); got != f.smallest {
			t.Errorf("%s: the smallest is %v", f.name, got)
		}
		top := uint16(1<<f.exponent-1)<<f.mantissa - 1
		if got := fromSmall(top, f.exponent, f.mantissa); got != f.largest {
			t.Errorf("%s: the largest is %v", f.name, got)
		}
		step := math.Ldexp(1, -f.mantissa)
		for _, r := range []struct {
			in   float64
			want uint16
		}{{1 + step/2, f.one}, {1 + step*0.51, f.one + 1}, {1 + step*1.5, f.one + 2}, {f.smallest / 2, 0}, {f.smallest * 0.51, 1}, {-f.smallest / 4, 1 << 15}} {
			if got, ok := toSmall(r.in, f.exponent, f.mantissa); !ok || got != r.want {
				t.Errorf("%s: %v becomes %#04x, want %#04x", f.name, r.in, got, r.want)
			}
		}
		if _, ok := toSmall(f.largest*(1+step/2), f.exponent, f.mantissa); ok {
			t.Errorf("%s: a number beyond the largest is accepted", f.name)
		}
	}
}

func TestFloatsAreSpelledShortest(t *testing.T) {
	for _, c := range []struct {
		f    float64
		bits int
		want string
	}{
		{float64(float32(0.1)), 32, "0.1"}, {0.1, 64, "0.1"}, {1, 32, "1.0"}, {0, 64, "0.0"}, {math.Copysign(0, -1), 64, "-0.0"},
		{16777216, 32, "16777216.0"}, {1e21, 64, "1e+21"}, {1e20, 64, "100000000000000000000.0"}, {1e-7, 64, "1e-07"},
		{math.MaxFloat32, 32, "3.4028235e+38"}, {math.SmallestNonzeroFloat64, 64, "5e-324"}, {0.3, 64, "0.3"}, {1.0 / 3, 64, "0.3333333333333333"},
	} {
		if got := string(appendFloat(nil, c.f, c.bits)); got != c.want {
			t.Errorf("%v: %s, want %s", c.f, got, c.want)
		}
	}
}

func TestRawBytes(t *testing.T) {
	strs, err := NewBytes([]int64{3}, [][]byte{[]byte("ab"), {}, {0xff}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := strs.Raw()
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x02\x00\x00\x00ab\x00\x00\x00\x00\x01\x00\x00\x00\xff"; string(raw) != want {
		t.Errorf("%q, want %q", raw, want)
	}
	back, err := FromRaw(Bytes, []int64{3}, raw)
	if err != nil || !cmp.Equal(back.Elems(), strs.Elems()) {
		t.Errorf("%q, %v", back.Elems(), err)
	}
	for _, broken := range []string{"\x01", "\x02\x00\x00\x00a", "\xff\xff\xff\xff", "\x00\x00\x00\x00"} {
		if _, err := FromRaw(Bytes, []int64{3}, []byte(broken)); err == nil {
			t.Errorf("%q is accepted", broken)
		}
	}
	if _, err := strs.AppendFlat(nil, Style{}); err == nil {
		t.Error("bytes that are not UTF-8 become a JSON string")
	}
}

func TestRowsAndStack(t *testing.T) {
	for _, text := range []string{`[[1,2.5],[NaN,4]]`, `[["a","b"],["c","d"]]`, `[[true],[false]]`, `[[],[]]`} {
		whole, err := Parse([]byte(text), Dialect{})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := whole.Rows()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%s: %d rows, %v", text, len(rows), err)
		}
		stacked, err := Stack(rows)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := stacked.AppendNested(nil, Style{NaN: "NaN"}); string(got) != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	var scalar Tensor
	if _, err := scalar.Rows(); err == nil {
		t.Error("a scalar has rows")
	}
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]string{
		`[[1,2.5],[3,4]]`: `[[1],[3]] [[2.5],[4]] `, `[["a","b"]]`: `[["a"]] [["b"]] `, `[[],[]]`: ``, `[[true],[false]]`: `[[true],[false]] `,
	} {
		table, err := Parse([]byte(text), Dialect{})
		if err != nil {
			t.Fatal(err)
		}
		columns, err := table.Columns()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range columns {
			nested, _ := columns[i].AppendNested(nil, Style{})
			got += string(nested) + " "
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestMeanOfManyTypes(t *testing.T) {
	floats := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.5))
	a, err := New(FP32, []int64{1}, floats)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse([]byte(`[2]`), Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in    []Tensor
		dtype DType
		want  string
	}{{[]Tensor{a, a}, FP32, "0.5"}, {[]Tensor{a, b}, FP64, "1.25"}, {[]Tensor{b, b, a}, FP64, "1.5"}} {
		mean, err := Mean(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := mean.AppendFlat(nil, Style{}); string(got) != c.want || mean.DType != c.dtype {
			t.Errorf("%s %v, want %s %v", got, mean.DType, c.want, c.dtype)
		}
	}
	if _, err := Mean(nil); err == nil {
		t.Error("nothing has a mean")
	}
}

func TestTheShapeBoundsWork(t *testing.T) {
	if _, err := Elements(make([]int64, maxRank+1)); err == nil {
		t.Error("any number of dimensions is accepted")
	}
	empty := Tensor{Shape: []int64{1 << 40, 0}}
	if _, err := empty.AppendNested(nil, Style{}); err == nil {
		t.Error("a shape may ask for any number of brackets")
	}
	if _, err := empty.Rows(); err == nil {
		t.Error("a shape may ask for any number of rows")
	}
}
