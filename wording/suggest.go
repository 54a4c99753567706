package wording

import "strings"

// DidYouMean ends a message with the one of names that was probably meant, or
// is empty.
func DidYouMean(word string, names []string) string {
	if s := Closest(word, names); s != "" {
		return "; did you mean " + s + "?"
	}
	return ""
}

// OneOf ends a message about a value that is not one of names.
func OneOf(word string, names []string) string {
	return "; use " + Listed(names) + DidYouMeanAside(word, names)
}

// DidYouMeanAside is [DidYouMean] in parentheses.
func DidYouMeanAside(word string, names []string) string {
	if s := Closest(word, names); s != "" {
		return " (did you mean " + s + "?)"
	}
	return ""
}

// Listed writes names as "a, b or c".
func Listed(names []string) string {
	switch len(names) {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
