package manifest

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// syntax reports an error of the YAML parser. The parser gives the line of
// where the construct at fault began, or none, and its explanation often does
// not help.
func (d *decoder) syntax(part document, err error) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := regexp.MustCompile(`^line (\d+): (?s)(.*)$`).FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line, message = n, m[2]
		}
	}
	p := Problem{Severity: SeverityError, File: d.file, Column: 1, Message: "the YAML is malformed: " + message}
	rows := bytes.SplitAfter(part.text, []byte("\n"))
	if n := firstBadLine(rows); n > 0 {
		line = n
	}
	if line <= len(rows) {
		row := rows[line-1]
		indent := row[:len(row)-len(bytes.TrimLeft(row, " \t"))]
		if i := bytes.IndexByte(indent, '\t'); i >= 0 {
			p.Column = i + 1
			p.Message = "the line is indented by a tab, which YAML does not allow; use spaces"
		}
	}
	p.Line = d.above + line
	d.problems = append(d.problems, p)
}

// firstBadLine returns the line after the longest beginning of the text that
// is well-formed, or 0 where looking for it would take long.
func firstBadLine(rows [][]byte) int {
	const most = 4 << 20 // bytes to parse: half a second, about
	text := bytes.Join(rows, nil)
	if len(rows)*len(text) > most {
		return 0
	}
	for n := len(rows) - 1; n >= 0; n-- {
		text = text[:len(text)-len(rows[n])]
		var ignored yaml.Node
		if yaml.Unmarshal(text, &ignored) == nil {
			return n + 1
		}
	}
	return 0
}
