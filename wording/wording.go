// Package wording has the small pieces of sentences that several programs say.
package wording

import (
	"strconv"
	"strings"
)

// Count is a number with what is counted: "1 deployment", "3 deployments". The
// noun takes a plain s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Cut returns a text, or of a longer one so many bytes and three dots.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}
