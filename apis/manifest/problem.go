package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity says what a [Problem] means for the document.
type Severity uint8

// The severities. A document with an error is not used; a warning is
// something that is ignored or probably not meant; a note is neither.
const (
	SeverityError Severity = iota + 1
	SeverityWarning
	SeverityNote
)

func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
		return "warning"
	case SeverityNote:
		return "note"
	}
	return fmt.Sprintf("severity %d", uint8(s))
}

// Problem is something wrong in an object. It is an error with a position.
type Problem struct {
	Severity Severity
	// Path is the field, as in spec.predictors[0].graph.children[1].type.
	// Empty: the document as a whole.
	Path    string
	Message string
	// File, Line and Column are set for what was read from a file; lines and
	// columns count from 1.
	File         string
	Line, Column int
}

// Error is a line as compilers write it: position, severity, field, message.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:", p.Line)
		}
		if p.Column > 0 {
			fmt.Fprintf(&b, "%d:", p.Column)
		}
		b.WriteString(" ")
	}
	b.WriteString(p.Severity.String() + ": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is a list of problems; as an error it shows all of them, one a line.
type Problems []Problem

// Error shows one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i := range ps {
		lines[i] = ps[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Of returns the problems of one severity.
func (ps Problems) Of(s Severity) Problems {
	var some Problems
	for _, p := range ps {
		if p.Severity == s {
			some = append(some, p)
		}
	}
	return some
}

// Err returns the errors among the problems as one error, or nil.
func (ps Problems) Err() error {
	if errs := ps.Of(SeverityError); len(errs) > 0 {
		return errs
	}
	return nil
}

// Sort orders problems by file and position.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
