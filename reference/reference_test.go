package reference

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// npy is a NumPy array of float64 in C order.
func npy(shape string, values ...float64) []byte {
	header := "{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + "), }"
	header += strings.Repeat(" ", 128-10-1-len(header)) + "\n"
	body := append([]byte(npyMagic+"\x01\x00"), byte(len(header)), 0)
	body = append(body, header...)
	for _, v := range values {
		body = binary.LittleEndian.AppendUint64(body, math.Float64bits(v))
	}
	return body
}

func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		body []byte
		want []Column
	}{
		"names":    {[]byte("a,b\n1,x\n2.5,y\n"), []Column{{Name: "a", Numbers: []float64{1, 2.5}}, {Name: "b", Words: []string{"x", "y"}}}},
		"no names": {[]byte("1,2\n3,4\n"), []Column{{Numbers: []float64{1, 3}}, {Numbers: []float64{2, 4}}}},
		"npy":      {npy("2, 2", 1, 2, 3, 4), []Column{{Numbers: []float64{1, 3}}, {Numbers: []float64{2, 4}}}},
		"flat npy": {npy("2,", 1, 2), []Column{{Numbers: []float64{1, 2}}}},
	} {
		got, err := Rows(c.body)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	for name, body := range map[string][]byte{
		"some are numbers": []byte("a\n1\nx\n"),
		"torn":             []byte("1,2\n3\n"),
		"short npy":        npy("3,", 1),
		"no npy":           []byte(npyMagic + "\x01"),
		"fortran":          []byte(strings.Replace(string(npy("1,", 1)), "False", "True ", 1)),
	} {
		if got, err := Rows(body); err == nil {
			t.Errorf("%s: read %v", name, got)
		}
	}
}

func TestReferenceIsReadAgain(t *testing.T) {
	columns := []Column{{Name: "a", Numbers: []float64{1, 2, 3, 9}}, {Numbers: []float64{2, 1, 4, 3}}, {Numbers: []float64{0, 0, 1, 1}}}
	for _, o := range []Options{{}, {NoQuantiles: true}, {Components: 2}} {
		r, err := Build(columns, o)
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(body)
		if diff := cmp.Diff(r, again); diff != "" || err != nil {
			t.Errorf("%+v: %v (-written +read):\n%s", o, err, diff)
		}
	}
}

func TestReferenceRefuses(t *testing.T) {
	r, err := Build([]Column{{Numbers: []float64{1, 2}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for want, foreign := range map[string]string{
		"it is no reference":    "{",
		`its format is "other"`: strings.Replace(text, Format, "other", 1),
		"version 2":             strings.Replace(text, `"version":1`, `"version":2`, 1),
		"0 features":            strings.Replace(text, `"features":[{`, `"features":[],"x":[{`, 1),
		"covariance: it has":    strings.Replace(text, `"covariance":"`, `"covariance":"AAAA`, 1),
		"do not ascend":         strings.Replace(text, `"quantiles":[1,`, `"quantiles":[3,`, 1),
		"do not go with 1":      strings.Replace(text, `"rows"`, `"directions":{"vectors":"AAAA","variances":[1]},"rows"`, 1),
	} {
		if _, err := Parse([]byte(foreign)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	for _, columns := range [][]Column{nil, {{}}, {{Numbers: []float64{math.NaN()}}}, {{Numbers: []float64{1}}, {Numbers: []float64{1, 2}}}} {
		if r, err := Build(columns, Options{}); err == nil {
			t.Errorf("%v makes %v", columns, r)
		}
	}
}
