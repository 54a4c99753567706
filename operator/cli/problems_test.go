package cli

import (
	"bytes"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// TestColours: the severity has its colour on a terminal, the text stays what it
// is elsewhere.
func TestColours(t *testing.T) {
	p := v1.Problem{Severity: v1.SeverityWarning, File: "a.yaml", Line: 2, Column: 3, Path: "spec", Message: "error: no"}
	if got, want := line(p, false), p.Error(); got != want {
		t.Errorf("plain: %q, want %q", got, want)
	}
	if got, want := line(p, true), "\x1b[1ma.yaml:2:3: \x1b[0m\x1b[1;33mwarning: \x1b[0mspec: error: no"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
	if isColourful(&bytes.Buffer{}) {
		t.Error("what is no terminal gets colours")
	}
}

func TestRuleOf(t *testing.T) {
	for path, want := range map[string]string{
		"": document,
		"spec.predictors[0].graph.children[1].children[0].children[2].type": "spec.predictors.graph.children.type",
		"spec.annotations[seldon.io/x]":                                     "spec.annotations",
	} {
		if got := ruleOf(v1.Problem{Path: path}); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
