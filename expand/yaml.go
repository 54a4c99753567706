package expand

import (
	"slices"
	"strings"
)

// document writes values as YAML documents, as package yaml writes them byte by
// byte and in a small part of its time. It knows the texts that manifests are
// full of, such as names, numbers in quotes and JSON. Where it meets anything
// else, it is odd, and package yaml writes the whole document.
type document struct {
	out []byte
	odd bool
	// start is where the line begins in out.
	start int
}

// add appends a document with these fields, and reports whether it could: where
// it is odd, nothing is appended.
func (d *document) add(fields *tree) bool {
	begin := len(d.out)
	d.odd, d.start = len(fields.parts) == 0, begin
	if d.mapping(fields, 0, false); d.odd {
		d.out = d.out[:begin]
	}
	return !d.odd
}

// mapping writes an object that is not empty. An item of a list continues the
// line that its dash began.
func (d *document) mapping(t *tree, indent int, item bool) {
	slices.SortFunc(t.parts, func(a, b part) int { return d.compare(a.name, b.name) })
	for i := range t.parts {
		field := &t.parts[i]
		if i > 0 || !item {
			d.indent(indent)
		}
		if len(field.name) > longestKey {
			d.odd = true
		}
		if d.text(field.name); d.odd {
			return
		}
		d.write(":")
		switch value := &field.value; {
		case len(value.parts) == 0:
			d.write(" ")
			d.scalar(value)
			d.line()
		case value.kind == '{':
			d.line()
			d.mapping(value, indent+2, false)
		default:
			d.line()
			d.list(value, indent, false)
		}
	}
}

// list writes a list that is not empty. Its dashes stand where the key of the
// list stands.
func (d *document) list(t *tree, indent int, item bool) {
	for i := range t.parts {
		if i > 0 || !item {
			d.indent(indent)
		}
		d.write("- ")
		switch value := &t.parts[i].value; {
		case len(value.parts) == 0:
			d.scalar(value)
			d.line()
		case value.kind == '{':
			d.mapping(value, indent+2, true)
		default:
			d.list(value, indent+2, true)
		}
		if d.odd {
			return
		}
	}
}

// scalar writes a text, a number, true, false or null, or what is empty.
func (d *document) scalar(t *tree) {
	switch t.kind {
	case '"':
		d.text(t.text)
	case '{':
		d.write("{}")
	case '[':
		d.write("[]")
	case 't', 'f', 'n':
		d.write(t.text)
	default:
		if digits := strings.TrimPrefix(t.text, "-"); len(digits) > longestNumber || strings.Trim(digits, "0123456789") != "" {
			d.odd = true
		}
		d.write(t.text)
	}
}

// widest is where package yaml begins to break lines at spaces.
const widest = 80

func (d *document) text(s string) {
	style := styleOf(s)
	if style == styleOdd || len(d.out)-d.start+len(s)+len(`""`) > widest && strings.Contains(s, " ") {
		d.odd = true
		return
	}
	d.write(style.quote())
	d.write(s)
	d.write(style.quote())
}

func (d *document) indent(n int) {
	const spaces = "                                                                "
	for ; n > len(spaces); n -= len(spaces) {
		d.write(spaces)
	}
	d.write(spaces[:n])
}

func (d *document) write(s string) { d.out = append(d.out, s...) }

func (d *document) line() {
	d.out = append(d.out, '\n')
	d.start = len(d.out)
}

// style is how a text stands in YAML.
type style uint8

const (
	// styleOdd is of a text that only package yaml knows how to write.
	styleOdd style = iota
	stylePlain
	styleSingle
	styleDouble
)

func (s style) quote() string {
	switch s {
	case styleSingle:
		return "'"
	case styleDouble:
		return `"`
	}
	return ""
}

// longestNumber bounds the digits of what is surely read as a number.
const longestNumber = 18

// styleOf finds the style of a text by its first character, as readers of YAML
// 1.1 tell texts from other values.
func styleOf(s string) style {
	if s == "" {
		return styleDouble
	}
	switch first := s[0]; {
	case isLetter(first) || first == '/':
		switch {
		case isWord(s):
			return styleDouble
		case isPlain(s):
			return stylePlain
		}
	case isDigit(first):
		return styleOfNumber(s)
	case first == '-':
		// A flag: no number has a letter behind its sign.
		if flag := strings.TrimPrefix(s[1:], "-"); flag != "" && isLetter(flag[0]) && isPlain(flag) {
			return stylePlain
		}
	case first == '{', first == '[', first == '*':
		if isQuotable(s) {
			return styleSingle
		}
	}
	return styleOdd
}

// styleOfNumber is of a text that begins with a digit. One of digits, with or
// without a fraction, would be read as a number; 100m, 2Gi, 10% or 10.0.0.0/8
// have a character that no number and no time has.
func styleOfNumber(s string) style {
	digits := strings.TrimLeft(s, "0123456789")
	switch {
	case len(s) > longestNumber:
		return styleOdd
	case digits == "", digits[0] == '.' && strings.Trim(digits[1:], "0123456789") == "":
		return styleDouble
	case !strings.ContainsAny(s, "GKMPikmhs%/"):
		return styleOdd
	}
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && strings.IndexByte(".%/", s[i]) < 0 {
			return styleOdd
		}
	}
	return stylePlain
}

// isWord reports whether YAML 1.1 reads a text as true, false or nothing.
func isWord(s string) bool {
	switch s {
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
		"null", "Null", "NULL":
		return true
	}
	return false
}

// isPlain reports whether a text that begins with a letter or a slash needs no
// quotes.
func isPlain(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case isLetter(c), isDigit(c), strings.IndexByte("_./=+@$()-", c) >= 0:
		case c == ':', c == ' ':
			// A colon before a space is that of a key.
			if i+1 == len(s) || s[i+1] == ' ' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isQuotable reports whether a text can stand in single quotes as it is.
func isQuotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' {
			return false
		}
	}
	return !strings.HasSuffix(s, " ")
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// longestKey is the most that package yaml writes of a key in one line.
const longestKey = 100

// compare puts keys into the order of package yaml: letters after other
// characters. It sorts numbers in keys by their value, which is odd here.
func (d *document) compare(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if isDigit(x) || isDigit(y) {
			d.odd = true
		}
		if isLetter(x) == isLetter(y) {
			return int(x) - int(y)
		}
		if isLetter(x) {
			return 1
		}
		return -1
	}
	return len(a) - len(b)
}
