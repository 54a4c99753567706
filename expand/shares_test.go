package expand

import (
	"slices"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// TestSharesOfThoseWithoutPodsGoToTheOthers, in proportion, and the sum stays.
func TestSharesOfThoseWithoutPodsGoToTheOthers(t *testing.T) {
	for name, test := range map[string]struct {
		weights []int32
		idle    []int
		want    []int32
	}{
		"all serve":                      {[]int32{50, 50}, nil, []int32{50, 50}},
		"one of two":                     {[]int32{50, 50}, []int{1}, []int32{100, 0}},
		"the first":                      {[]int32{90, 10}, []int{0}, []int32{0, 100}},
		"one of three":                   {[]int32{50, 20, 30}, []int{2}, []int32{71, 29, 0}},
		"rounded up where most was lost": {[]int32{33, 33, 34}, []int{0}, []int32{0, 49, 51}},
		"nobody serves":                  {[]int32{50, 50}, []int{0, 1}, []int32{50, 50}},
		"who serves wants no requests":   {[]int32{100, 0}, []int{0}, []int32{100, 0}},
		"who sleeps wants no requests":   {[]int32{100, 0}, []int{1}, []int32{100, 0}},
		"one alone":                      {[]int32{0}, []int{0}, []int32{0}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &traffic{}
			for i, w := range test.weights {
				tr.backends = append(tr.backends, backend{index: i, weight: w})
			}
			tr.shareAmongThoseThatServe(func(b *backend) bool { return slices.Contains(test.idle, b.index) })
			var got []int32
			for _, b := range tr.backends {
				got = append(got, b.weight)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("shares are %v, want %v", got, test.want)
			}
		})
	}
}

func TestSharesAreReadAsTheyAreWritten(t *testing.T) {
	tr := &traffic{backends: []backend{{predictor: "a=b", weight: 80}, {predictor: "c", weight: 20}}}
	route := &v1.SeldonDeployment{}
	tr.mark(route)
	if got := Shares(route.Annotations[AnnotationShares]); len(got) != 2 || got["a=b"] != 80 || got["c"] != 20 {
		t.Errorf("read are %v", got)
	}
	for _, text := range []string{"", "a", "a=b", "a=1,b"} {
		if got := Shares(text); got != nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
