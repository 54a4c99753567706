package v1

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

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

// yamlEscapes rewrites the escapes of JSON that the YAML parser does not know.
// Text that is not JSON stays as it is.
func yamlEscapes(text []byte) []byte {
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) == 0 || start[0] != '{' ||
		bytes.IndexByte(text, '\\') < 0 || !json.Valid(text) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		if text[i+1] == '/' {
			out = append(out, '/')
			i++
			continue
		}
		high := escapedUnit(text[i:])
		if !utf16.IsSurrogate(high) {
			out = append(out, text[i], text[i+1])
			i++
			continue
		}
		i += 5
		pair := utf16.DecodeRune(high, escapedUnit(text[i+1:]))
		if pair != utf8.RuneError {
			i += 6
		}
		out = utf8.AppendRune(out, pair)
	}
	return out
}

// escapedUnit returns the value of a \uXXXX at the start of text, or 0.
func escapedUnit(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(uint16(n))
}
