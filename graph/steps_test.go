package graph

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSteps(t *testing.T) {
	got, err := ParseSteps("select a \"b c\"; cast FP32\n\n  minmax 0,1 2,3 ;softmax\nargmax \"no \\\"way\\\"\" yes\n")
	want := []TransformStep{
		{"select", []string{"a", "b c"}}, {"cast", []string{"FP32"}}, {"minmax", []string{"0,1", "2,3"}},
		{"softmax", []string{}}, {"argmax", []string{`no "way"`, "yes"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWrongSteps(t *testing.T) {
	for text, want := range map[string]string{
		" ;\n":                      "there is no step",
		"softmax\nsotfmax":          `step 2: there is no step "sotfmax"; use select, reorder, rename, `,
		"select":                    `step 1: want "select COLUMN..."`,
		"softmax 1":                 `step 1: want "softmax"`,
		`select "a`:                 `step 1: the quotes of "a do not end`,
		"select a a":                `step 1: select: "a" is there twice`,
		"rename a":                  `step 1: rename: "a" is not OLD=NEW`,
		"rename a=b a=c":            `step 1: rename: "a" is there twice`,
		"cast FLOAT":                `step 1: cast: there is no type "FLOAT"; use BOOL, `,
		"reshape -1 -1":             "step 1: reshape: only one size can be -1",
		"reshape 2 x":               `step 1: reshape: "x" is no size`,
		"standardize 1,2 1,2,3":     "step 1: standardize: there are 2 numbers, and then 3",
		"standardize 1 0":           "step 1: standardize: a deviation is 0",
		"standardize 1 NaN":         `step 1: standardize: "NaN" is not a number`,
		"minmax 0,5 1,5":            "step 1: minmax: 5 is not below 5",
		"clip 2 1":                  "step 1: clip: 2 is above 1",
		"clip 1,2 3":                "step 1: clip: want two numbers",
		"onehot color red red":      `step 1: onehot: "red" is there twice`,
		"threshold 0.5 no":          "step 1: threshold: want two words",
		"threshold 0.5 no yes both": `step 1: want "threshold NUMBER [BELOW ABOVE]"`,
	} {
		if _, err := ParseSteps(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error is %v, want %s", text, err, want)
		}
	}
}
