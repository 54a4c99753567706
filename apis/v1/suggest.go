package v1

import (
	"strings"

	"github.com/prime-radiant/radiant/wording"
)

// didYouMean ends a message with the suggestion, if there is one.
func didYouMean(word string, names []string) string {
	if s := wording.Closest(word, names); s != "" {
		return "; did you mean " + s + "?"
	}
	return ""
}

// oneOf ends a message about a value that is not one of names.
func oneOf(word string, names []string) string {
	return "; use " + listed(names) + didYouMeanSuffix(word, names)
}

func didYouMeanSuffix(word string, names []string) string {
	if s := wording.Closest(word, names); s != "" {
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
