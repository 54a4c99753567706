package builtin

import (
	"fmt"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// strip is some neighbouring columns of rows: numbers, or words.
type strip struct {
	table
	// words are the elements, row after row, if they are no numbers.
	words [][]byte
}

// strips are rows in which numbers and words stand side by side.
type strips struct {
	all         []strip
	rows, width int
	// names are those of the columns; nil: they have none.
	names []string
}

// readingStrips reads the features of a message as [reading] does, and takes words
// as well.
func readingStrips(m Message, width int) (s strips, give func(), err error) {
	o, err := m.Read()
	if err != nil {
		return s, func() {}, err
	}
	if give, err = m.borrow(numberBytes * elements(o.Tensors)); err != nil {
		return s, give, err
	}
	if s, err = stripsOf(o, width); err != nil {
		return s, give, protocol.Untranslated(m.fault(), err)
	}
	from := 0
	for k := range s.all {
		if err := s.all[k].finite(m.fault(), from); err != nil {
			return s, give, err
		}
		from += s.all[k].width
	}
	return s, give, nil
}

func stripsOf(o *translate.Opened, width int) (strips, error) {
	if len(o.Tensors) == 0 {
		return strips{}, &translate.Error{Reason: "it holds no tensor"}
	}
	out := strips{all: make([]strip, len(o.Tensors))}
	named := true
	for k := range o.Tensors {
		t, s := &o.Tensors[k], &out.all[k]
		if s.words = t.Elems(); s.words != nil {
			s.rows, s.width = layout(t.Shape, len(s.words), width, len(o.Tensors) > 1)
		} else {
			var err error
			if s.table, err = tableOf(t, width, len(o.Tensors) > 1); err != nil {
				return out, &translate.Error{Tensor: t.Name, Reason: err.Error()}
			}
		}
		if k > 0 && s.rows != out.rows {
			return out, &translate.Error{Tensor: t.Name, Reason: fmt.Sprintf("it has %d rows, and the first tensor %d", s.rows, out.rows)}
		}
		out.rows = s.rows
		out.width += s.width
		named = named && t.Name != "" && s.width == 1
	}
	if out.rows == 0 || out.width == 0 {
		return out, &translate.Error{Reason: "it has no rows, or rows without features"}
	}
	switch {
	case len(o.Columns) == out.width:
		out.names = o.Columns
	case named:
		for k := range o.Tensors {
			out.names = append(out.names, o.Tensors[k].Name)
		}
	}
	return out, nil
}
