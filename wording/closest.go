package wording

import "strings"

// Closest returns the one of names that was probably meant by word, or "".
func Closest(word string, names []string) string {
	const far = 1 << 20
	best, distance := "", far
	plain := Plain(word)
	for _, name := range names {
		if d := editDistance(plain, Plain(name)); d < distance {
			best, distance = name, d
		}
	}
	if distance > min(len(plain)/3, 3) {
		return sameBeginning(plain, names)
	}
	return best
}

// sameBeginning returns the one name that begins as a word does, but for its last
// letters: children for childs.
func sameBeginning(plain string, names []string) string {
	const least = 5 // letters
	best := ""
	for _, name := range names {
		n, other := 0, Plain(name)
		for n < min(len(plain), len(other)) && plain[n] == other[n] {
			n++
		}
		if n < least || n < len(plain)-2 {
			continue
		}
		if best != "" {
			return "" // Nobody knows which one is meant.
		}
		best = name
	}
	return best
}

// Plain removes what snake, kebab and camel case differ in.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
