package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/config"
)

// findings is what there is to say of deployments and jobs.
type findings struct {
	deployments, jobs int
	problems          v1.Problems
	// quiet leaves out all but errors.
	quiet bool
	// colours is true for a terminal.
	colours bool
}

// write prints findings in one of the forms of findingForms.
func (f findings) write(w io.Writer, form string) error {
	for _, known := range findingForms() {
		if known.name == form {
			return known.write(f, w)
		}
	}
	return fmt.Errorf("--output %q: use %s", form, strings.Join(findingFormNames(), ", "))
}

// findingForm is a form in which findings are printed.
type findingForm struct {
	name  string
	write func(findings, io.Writer) error
}

// findingForms is the table of them.
func findingForms() []findingForm {
	return []findingForm{
		{textOutput, findings.writeText},
		{jsonOutput, findings.writeJSON},
		{"github", findings.writeGitHub},
		{"sarif", findings.writeSARIF},
	}
}

func findingFormNames() []string {
	var names []string
	for _, f := range findingForms() {
		names = append(names, f.name)
	}
	return names
}

// shown are the problems that are printed.
func (f findings) shown() v1.Problems {
	if f.quiet {
		return f.problems.Of(v1.SeverityError)
	}
	return f.problems
}

// include adds what has no position, such as a file that is not there, and
// returns the error of a command that has printed it.
func (f *findings) include(err error) error {
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			_ = f.include(e) // Is printed, too.
		}
	default:
		f.problems = append(f.problems, v1.Problem{Severity: v1.SeverityError, Message: err.Error()})
	}
	return ErrReported
}

func (f findings) writeText(w io.Writer) error {
	for _, p := range f.shown() {
		if _, err := fmt.Fprintln(w, line(p, f.colours)); err != nil {
			return err
		}
	}
	return nil
}

// line is a problem as text, with the severity in its colour for a terminal.
func line(p v1.Problem, colours bool) string {
	text := p.Error()
	severity := p.Severity.String() + ": "
	place, rest, ok := strings.Cut(text, severity)
	if !colours || !ok {
		return text
	}
	const bold, plain = "\x1b[1m", "\x1b[0m"
	colour := map[v1.Severity]string{v1.SeverityError: "\x1b[1;31m", v1.SeverityWarning: "\x1b[1;33m", v1.SeverityNote: "\x1b[1;36m"}[p.Severity]
	return bold + place + plain + colour + severity + plain + rest
}

// isColourful reports whether what is written to w may have colours: on a
// terminal that can show them, unless the user wants none.
func isColourful(w io.Writer) bool {
	unwanted, _ := config.Lookup("NO_COLOR")
	terminal, _ := config.Lookup("TERM")
	return isTerminal(w) && unwanted == "" && terminal != "dumb"
}

// finding is a problem in JSON. Lines and columns count from 1; 0 is unknown.
type finding struct {
	Severity string `json:"severity"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message"`
}

func (f findings) writeJSON(w io.Writer) error {
	all := struct {
		Deployments int       `json:"deployments"`
		Jobs        int       `json:"jobs,omitempty"`
		Errors      int       `json:"errors"`
		Warnings    int       `json:"warnings"`
		Problems    []finding `json:"problems"`
	}{f.deployments, f.jobs, len(f.problems.Of(v1.SeverityError)), len(f.problems.Of(v1.SeverityWarning)), []finding{}}
	for _, p := range f.shown() {
		all.Problems = append(all.Problems, finding{p.Severity.String(), p.File, p.Line, p.Column, p.Path, p.Message})
	}
	return writeIndented(w, all)
}

// writeIndented prints a value as JSON, for people as well.
func writeIndented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeGitHub prints commands of GitHub's workflows, which it shows beside the
// lines of a change.
func (f findings) writeGitHub(w io.Writer) error {
	message := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, p := range f.shown() {
		command := map[v1.Severity]string{v1.SeverityError: "error", v1.SeverityWarning: "warning", v1.SeverityNote: "notice"}[p.Severity]
		var properties []string
		for _, one := range []struct {
			name, value string
			known       bool
		}{
			{"file", p.File, p.File != ""},
			{"line", fmt.Sprint(p.Line), p.Line > 0},
			{"col", fmt.Sprint(p.Column), p.Column > 0},
			{"title", p.Path, p.Path != ""},
		} {
			if one.known {
				properties = append(properties, one.name+"="+property.Replace(one.value))
			}
		}
		start := "::" + command
		if len(properties) > 0 {
			start += " " + strings.Join(properties, ",")
		}
		if _, err := fmt.Fprintf(w, "%s::%s\n", start, message.Replace(p.Message)); err != nil {
			return err
		}
	}
	return nil
}
