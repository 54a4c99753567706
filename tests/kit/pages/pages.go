// Package pages reads pages of docs, and holds those parts of them that are made
// of what programs have.
package pages

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Fence is a block of code on a page. Language is empty for commands.
type Fence struct{ Language, Text string }

// Fences lists the blocks of code of a page, in their order.
func Fences(page string) []Fence {
	var all []Fence
	for _, m := range regexp.MustCompile("(?s)```(\\w*)\n(.*?)```").FindAllStringSubmatch(page, -1) {
		all = append(all, Fence{Language: m[1], Text: m[2]})
	}
	return all
}

// Fill returns the page with a table in the place of a kind that a name has, such
// as fields and spec.
func Fill(page, kind, name, table string) (string, error) {
	const end = "<!-- end -->\n"
	mark := fmt.Sprintf("<!-- %s: %s -->\n", kind, name)
	before, rest, ok := strings.Cut(page, mark)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("the page has no place for the %s of %q; write %s and %s", kind, name, strings.TrimSpace(mark), strings.TrimSpace(end))
	}
	return before + mark + table + end + after, nil
}

// Hold fails the test where fill changes the page at path. With update, the page
// is rewritten.
func Hold(t *testing.T, path string, fill func(page string) (string, error), update bool) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := fill(string(page))
	switch {
	case err != nil:
		t.Errorf("%s: %v", path, err)
	case want == string(page):
	case update:
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the tables of %s are not those of the program; run make golden", path)
	}
}
