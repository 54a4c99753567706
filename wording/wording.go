// Package wording has the small pieces of sentences that several programs say.
package wording

import "strconv"

// Count is a number with what is counted: "1 deployment", "3 deployments". The
// noun takes a plain s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
