// Package setting is the form in which each program lists what can be set from
// outside: one table of rows, which its code reads by, `--settings` prints and
// the pages of docs show.
package setting

import (
	"cmp"
	"fmt"
	"io"
	"strings"
)

// Setting is one row of a table.
type Setting struct {
	// Group is the part of the program that it is about: the heading of its
	// table on a page. Rows of one group follow one another.
	Group string
	// Flag is the name of its command-line flag, without dashes; empty: none.
	Flag string
	// Variable is its variable of the environment; empty: none.
	Variable string
	// Annotation is its annotation; empty: none.
	Annotation string
	// Parameter is its name among the parameters of a node of a graph, Type the type
	// that goes with it and Bounds what values it takes; empty: it is none.
	Parameter, Type, Bounds string
	// Chart is the value of the Helm chart that sets it, with dots between the
	// levels; empty: none does.
	Chart string
	// Value is the default, or what is in force where a program says so; empty:
	// nothing.
	Value string
	// Doc is its meaning, as part of a sentence.
	Doc string
}

// Name is by what the setting is given: its flag, variable or annotation.
func (s Setting) Name() string {
	if s.Flag != "" {
		return "--" + s.Flag
	}
	return cmp.Or(s.Variable, s.Annotation)
}

// Names lists all names of the setting, flags with their dashes.
func (s Setting) Names() []string {
	var names []string
	if s.Flag != "" {
		names = append(names, "--"+s.Flag)
	}
	for _, name := range []string{s.Variable, s.Annotation} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Print lists settings, one a line: name=value and, behind #, the meaning. A
// flag that has a variable too names it there.
func Print(w io.Writer, settings []Setting) error {
	var text strings.Builder
	for _, s := range settings {
		fmt.Fprintf(&text, "%s=%s  # %s", s.Name(), s.Value, s.Doc)
		if s.Flag != "" && s.Variable != "" {
			fmt.Fprintf(&text, " (%s)", s.Variable)
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(w, text.String())
	return err
}
