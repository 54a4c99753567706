package v1

import "strings"

// suggest returns the one of names that was probably meant by word, or "".
func suggest(word string, names []string) string {
	const far = 1 << 20
	best, distance := "", far
	plain := normalize(word)
	for _, name := range names {
		if d := editDistance(plain, normalize(name)); d < distance {
			best, distance = name, d
		}
	}
	if distance > min(len(plain)/3, 3) {
		return ""
	}
	return best
}

// didYouMean ends a message with the suggestion, if there is one.
func didYouMean(word string, names []string) string {
	if s := suggest(word, names); s != "" {
		return "; did you mean " + s + "?"
	}
	return ""
}

// oneOf ends a message about a value that is not one of names.
func oneOf(word string, names []string) string {
	return "; use " + listed(names) + didYouMeanSuffix(word, names)
}

func didYouMeanSuffix(word string, names []string) string {
	if s := suggest(word, names); s != "" {
		return " (did you mean " + s + "?)"
	}
	return ""
}

// listed writes names as "a, b or c".
func listed(names []string) string {
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// normalize removes what snake, kebab and camel case differ in.
func normalize(s string) string {
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
