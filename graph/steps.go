package graph

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// StepsParameter is the chain of a transformer.
const StepsParameter = "steps"

// TransformStep is one step of a transformer's chain.
type TransformStep struct {
	// Name is that of a row of [StepTable], Words what stands behind it.
	Name  string
	Words []string
}

// Formula is the expression of the step, and whether it is one of each element;
// empty: it has none. Package rule knows the language.
func (s TransformStep) Formula() (text string, element bool) {
	switch s.Name {
	case computeStep:
		return s.Words[1], false
	case mapStep:
		return s.Words[0], true
	}
	return "", false
}

// The steps that are expressions.
const (
	computeStep = "compute"
	mapStep     = "map"
)

// StepRow is what is known of a step.
type StepRow struct {
	Name string
	// Form shows how it is written.
	Form string
	// Least and Most bound the words behind the name; no Most: there may be any
	// number.
	Least, Most int
	// words, if not nil, reads what stands behind the name where that is not words.
	words func(text string) ([]string, error)
	// check says what is wrong with the words; empty: nothing. nil: nothing can be.
	check func(words []string) string
}

// StepTable are the steps of transformers in the order in which they are listed to
// users. What they do is in package builtin of the executor.
func StepTable() []StepRow {
	return []StepRow{
		{Name: "select", Form: "select COLUMN...", Least: 1, check: distinct},
		{Name: "reorder", Form: "reorder COLUMN...", Least: 1, check: distinct},
		{Name: "rename", Form: "rename OLD=NEW...", Least: 1, check: renames},
		{Name: "merge", Form: "merge", Most: -1},
		{Name: "cast", Form: "cast TYPE", Least: 1, Most: 1, check: isType},
		{Name: "reshape", Form: "reshape SIZE...", Least: 1, check: sizes},
		{Name: "standardize", Form: "standardize MEAN,... DEVIATION,...", Least: 2, Most: 2, check: scales},
		{Name: "minmax", Form: "minmax LEAST,... MOST,...", Least: 2, Most: 2, check: ranges},
		{Name: "clip", Form: "clip LEAST MOST", Least: 2, Most: 2, check: ordered},
		{Name: "onehot", Form: "onehot COLUMN VALUE...", Least: 2, check: func(words []string) string { return distinct(words[1:]) }},
		{Name: "softmax", Form: "softmax", Most: -1},
		{Name: "argmax", Form: "argmax [CLASS...]"},
		{Name: "threshold", Form: "threshold NUMBER [BELOW ABOVE]", Least: 1, Most: 3, check: limit},
		{Name: computeStep, Form: "compute COLUMN = EXPRESSION", Least: 2, words: assignment},
		{Name: mapStep, Form: "map EXPRESSION", Least: 1, words: expression},
	}
}

// StepsOf are those of a node; none: it is no transformer.
func StepsOf(n *Node) ([]TransformStep, error) {
	if !Builtin(n.Implementation).reads(StepsParameter) {
		return nil, nil
	}
	return ParseSteps(n.Setting(StepsParameter))
}

// ParseSteps reads a chain: a step in each line, or between semicolons. A word with
// spaces in it stands in double quotes. Errors name the step by its number.
func ParseSteps(text string) ([]TransformStep, error) {
	var steps []TransformStep
	table := StepTable()
	for _, line := range lines(text) {
		name, rest, err := word(line)
		if err == nil && name == "" && rest == "" {
			continue
		}
		number := len(steps) + 1
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", number, err)
		}
		s := TransformStep{Name: name}
		at := slices.IndexFunc(table, func(r StepRow) bool { return r.Name == s.Name })
		if at < 0 {
			names := make([]string, len(table))
			for i, r := range table {
				names[i] = r.Name
			}
			return nil, fmt.Errorf("step %d: there is no step %q; use %s", number, s.Name, strings.Join(names, ", "))
		}
		row := &table[at]
		read := split
		if row.words != nil {
			read = row.words
		}
		if s.Words, err = read(rest); err != nil {
			return nil, fmt.Errorf("step %d: %w", number, err)
		}
		if len(s.Words) < row.Least || row.Most != 0 && len(s.Words) > max(row.Most, 0) {
			return nil, fmt.Errorf("step %d: want %q", number, row.Form)
		}
		if row.check != nil {
			if problem := row.check(s.Words); problem != "" {
				return nil, fmt.Errorf("step %d: %s: %s", number, s.Name, problem)
			}
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("there is no step")
	}
	return steps, nil
}

// lines are the steps of a text, which end with a line or at a semicolon that does not
// stand in double quotes.
func lines(text string) []string {
	var all []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n', c == ';' && !quoted:
			all = append(all, text[start:i])
			start, quoted = i+1, false
		case c == '\\' && quoted && i+1 < len(text) && text[i+1] != '\n':
			i++
		case c == '"':
			quoted = !quoted
		}
	}
	return append(all, text[start:])
}

// split separates the words of a line.
func split(line string) ([]string, error) {
	words := []string{}
	for strings.TrimSpace(line) != "" {
		one, rest, err := word(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, one), rest
	}
	return words, nil
}

// word is the first of a line, and what is behind it.
func word(line string) (first, rest string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] != '"' {
		end := strings.IndexAny(line, " \t\r")
		if end < 0 {
			end = len(line)
		}
		return line[:end], line[end:], nil
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "", "", fmt.Errorf("the quotes of %s do not end", line)
	}
	if first, err = strconv.Unquote(quoted); err != nil {
		return "", "", fmt.Errorf("%s is no quoted word", quoted)
	}
	return first, line[len(quoted):], nil
}

// expression is the rest of a line as it is.
func expression(text string) ([]string, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	return []string{text}, nil
}

// assignment is a column's name, an equals sign, and an expression.
func assignment(text string) ([]string, error) {
	name, rest, err := word(text)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(strings.TrimSpace(text), `"`) { // The sign may follow at once.
		if before, after, ok := strings.Cut(name, "="); ok {
			name, rest = before, "="+after+rest
		}
	}
	text, ok := strings.CutPrefix(strings.TrimSpace(rest), "=")
	if text = strings.TrimSpace(text); !ok || name == "" || text == "" {
		return nil, nil
	}
	return []string{name, text}, nil
}

// FloatList reads numbers separated by commas, all finite.
func FloatList(text string) ([]float64, error) {
	words := strings.Split(text, ",")
	all := make([]float64, len(words))
	for i, word := range words {
		f, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%q is not a number", word)
		}
		all[i] = f
	}
	return all, nil
}

func distinct(words []string) string {
	for i, word := range words {
		if slices.Contains(words[:i], word) {
			return fmt.Sprintf("%q is there twice", word)
		}
	}
	return ""
}

func renames(words []string) string {
	var olds []string
	for _, word := range words {
		old, name, ok := strings.Cut(word, "=")
		if !ok || old == "" || name == "" {
			return fmt.Sprintf("%q is not OLD=NEW", word)
		}
		olds = append(olds, old)
	}
	return distinct(olds)
}

// elementTypes are those that numbers can be cast to.
func elementTypes() []string {
	return []string{"BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16", "FP32", "FP64"}
}

func isType(words []string) string {
	if all := elementTypes(); !slices.Contains(all, words[0]) {
		return fmt.Sprintf("there is no type %q; use %s", words[0], strings.Join(all, ", "))
	}
	return ""
}

func sizes(words []string) string {
	free := 0
	for _, word := range words {
		n, err := strconv.ParseInt(word, 10, 32)
		switch {
		case err != nil || n < -1:
			return fmt.Sprintf("%q is no size", word)
		case n < 0:
			free++
		}
	}
	if free > 1 {
		return "only one size can be -1"
	}
	return ""
}

// pairs reads two lists of one length, or of which one is a single number.
func pairs(words []string) (a, b []float64, problem string) {
	a, err := FloatList(words[0])
	if err != nil {
		return nil, nil, err.Error()
	}
	if b, err = FloatList(words[1]); err != nil {
		return nil, nil, err.Error()
	}
	if len(a) != len(b) && len(a) != 1 && len(b) != 1 {
		return nil, nil, fmt.Sprintf("there are %d numbers, and then %d", len(a), len(b))
	}
	return a, b, ""
}

func scales(words []string) string {
	_, deviations, problem := pairs(words)
	if problem == "" && slices.Contains(deviations, 0) {
		return "a deviation is 0"
	}
	return problem
}

func ranges(words []string) string {
	least, most, problem := pairs(words)
	for i := range max(len(least), len(most)) {
		if a, b := least[min(i, len(least)-1)], most[min(i, len(most)-1)]; !(a < b) {
			return fmt.Sprintf("%v is not below %v", a, b)
		}
	}
	return problem
}

func ordered(words []string) string {
	least, most, problem := pairs(words)
	switch {
	case problem != "":
		return problem
	case len(least) > 1 || len(most) > 1:
		return "want two numbers"
	case least[0] > most[0]:
		return fmt.Sprintf("%v is above %v", least[0], most[0])
	}
	return ""
}

func limit(words []string) string {
	at, err := FloatList(words[0])
	switch {
	case err != nil:
		return err.Error()
	case len(at) > 1:
		return "want one number"
	case len(words) == 2:
		return "want two words, for numbers that are not above, and that are"
	}
	return ""
}

func transformerParameters() []Declaration {
	return []Declaration{{Name: StepsParameter, Type: StringParameter, Required: true, Words: "what is done, one step in each line or between semicolons"}}
}

func transformerRules(n *Node) []Fault {
	if _, err := ParseSteps(n.Setting(StepsParameter)); err != nil {
		return []Fault{n.at(StepsParameter, "are wrong: %v", err)}
	}
	return nil
}
