package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"

	"gopkg.in/yaml.v3"
)

// decodeDeployment reads the first SeldonDeployment of a YAML stream (JSON is
// YAML). Errors say the line.
func decodeDeployment(data []byte) (*deployment, error) {
	stream := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var root yaml.Node
		if err := stream.Decode(&root); errors.Is(err, io.EOF) {
			return nil, errors.New("no document of kind SeldonDeployment")
		} else if err != nil {
			return nil, err
		}
		w := jsonWriter{left: 64 << 20}
		if err := w.value(&root, 0); err != nil {
			return nil, err
		}
		d := &deployment{}
		err := json.Unmarshal(w.out.Bytes(), d)
		if d.Kind != "SeldonDeployment" {
			continue
		}
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("line %d: %s: want %s, have a %s", w.line(int(wrong.Offset)), wrong.Field, wrong.Type, wrong.Value)
		}
		return d, err
	}
}

// jsonWriter writes a YAML tree as JSON and remembers which line each piece
// of it came from, so that the types and their JSON names need to be known to
// encoding/json only.
type jsonWriter struct {
	out   bytes.Buffer
	marks []mark
	// left bounds the output, since aliases can make a small document huge.
	left int
}

type mark struct{ offset, line int }

// line returns the line of what was written up to the offset.
func (w *jsonWriter) line(offset int) int {
	i := sort.Search(len(w.marks), func(i int) bool { return w.marks[i].offset >= offset })
	if i == 0 {
		return 1
	}
	return w.marks[i-1].line
}

const maxYAMLDepth = 200

func (w *jsonWriter) value(n *yaml.Node, depth int) error {
	w.marks = append(w.marks, mark{w.out.Len(), n.Line})
	if depth > maxYAMLDepth || w.out.Len() > w.left {
		return fmt.Errorf("line %d: document is nested too deeply or grows too large", n.Line)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return w.value(n.Content[0], depth+1)
	case yaml.AliasNode:
		return w.value(n.Alias, depth+1)
	case yaml.SequenceNode:
		w.out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				w.out.WriteByte(',')
			}
			if err := w.value(item, depth+1); err != nil {
				return err
			}
		}
		w.out.WriteByte(']')
		return nil
	case yaml.MappingNode:
		return w.mapping(n, depth)
	default:
		return w.scalar(n)
	}
}

func (w *jsonWriter) mapping(n *yaml.Node, depth int) error {
	w.out.WriteByte('{')
	first := true
	for _, p := range pairs(n, depth) {
		if !first {
			w.out.WriteByte(',')
		}
		first = false
		key, err := json.Marshal(p.key.Value)
		if err != nil {
			return fmt.Errorf("line %d: %w", p.key.Line, err)
		}
		w.out.Write(key)
		w.out.WriteByte(':')
		if err := w.value(p.value, depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte('}')
	return nil
}

type pair struct{ key, value *yaml.Node }

// pairs lists a mapping's entries, those merged in ("<<") first, so that the
// mapping's own follow and win.
func pairs(n *yaml.Node, depth int) []pair {
	var merged, own []pair
	for i := 0; i+1 < len(n.Content) && depth < maxYAMLDepth; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag != "!!merge" {
			own = append(own, pair{key, value})
			continue
		}
		from := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			from = value.Content
		}
		for _, m := range from {
			if m.Kind == yaml.AliasNode {
				m = m.Alias
			}
			if m.Kind == yaml.MappingNode {
				merged = append(merged, pairs(m, depth+1)...)
			}
		}
	}
	return append(merged, own...)
}

func (w *jsonWriter) scalar(n *yaml.Node) error {
	var v any = n.Value
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		if err := n.Decode(&v); err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("line %d: %q: %w", n.Line, n.Value, err)
	}
	w.out.Write(text)
	return nil
}
