package yamljson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Text is JSON that was written from YAML.
type Text struct {
	Bytes []byte
	marks []mark
}

// mark says which line what follows an offset came from.
type mark struct{ offset, line int }

// Line returns the line of the document that the JSON before an offset came
// from, such as the Offset of a [json.UnmarshalTypeError].
func (t *Text) Line(offset int) int {
	i := sort.Search(len(t.marks), func(i int) bool { return t.marks[i].offset >= offset })
	if i == 0 {
		return 1
	}
	return t.marks[i-1].line
}

// JSON writes a value of any shape. What is wrong with its form goes to
// [Reader.Report]; the error is of what JSON has not, .nan and .inf.
func (r *Reader) JSON(n *yaml.Node, path string, depth int) (Text, error) {
	w := writer{Reader: r}
	w.value(n, path, depth)
	return Text{w.out.Bytes(), w.marks}, w.err
}

type writer struct {
	*Reader
	out   bytes.Buffer
	marks []mark
	err   error
}

func (w *writer) value(n *yaml.Node, path string, depth int) {
	if !w.Visit(path, n, depth) {
		w.out.WriteString("null")
		return
	}
	w.marks = append(w.marks, mark{w.out.Len(), n.Line + w.Above})
	n = Resolve(n)
	switch n.Kind {
	case yaml.MappingNode:
		w.mapping(n, path, depth)
	case yaml.SequenceNode:
		w.out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.value(item, path+"["+strconv.Itoa(i)+"]", depth+1)
		}
		w.out.WriteByte(']')
	default:
		text, err := scalar(n)
		if err != nil {
			w.fail(n, err)
			return
		}
		w.out.Write(text)
	}
}

func (w *writer) mapping(n *yaml.Node, path string, depth int) {
	w.out.WriteByte('{')
	for i, e := range w.Entries(n, path, depth) {
		if i > 0 {
			w.out.WriteByte(',')
		}
		key, err := json.Marshal(e.Key.Value)
		if err != nil {
			w.fail(e.Key, err)
		}
		w.out.Write(key)
		w.out.WriteByte(':')
		w.value(e.Value, Join(path, e.Key.Value), depth+1)
	}
	w.out.WriteByte('}')
}

// fail keeps the first error.
func (w *writer) fail(n *yaml.Node, err error) {
	if w.err == nil {
		w.err = fmt.Errorf("line %d: %q: %w", n.Line+w.Above, n.Value, err)
	}
	w.out.WriteString("null")
}
