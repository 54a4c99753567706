package translate

import (
	"errors"
	"slices"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Combination says how several answers become one.
type Combination struct {
	// Of makes one tensor of those of one name, which are in the order of the
	// answers.
	Of func([]tensor.Tensor) (tensor.Tensor, error)
	// Beside puts the columns of all answers side by side, with their names. Else
	// the columns of each answer are those of the first, by their names.
	Beside bool
}

// Combine makes one answer of several. It is written in the field of the first.
// Answers that do not match are an error that names the child by its index.
func Combine(form Form, ps []message.Message, by Combination) (message.Message, error) {
	c, err := form.codec()
	if err != nil {
		return message.Message{}, err
	}
	if len(ps) == 0 {
		return message.Message{}, refuse("", "there is no answer to combine")
	}
	answers := make([]*content, len(ps))
	for i, p := range ps {
		if answers[i], err = decodeToCombine(c, p); err != nil {
			return message.Message{}, ofChild(i, err)
		}
	}
	first := answers[0]
	for i, m := range answers[1:] {
		if by.Beside {
			break
		}
		if err := m.arrange(first); err != nil {
			return message.Message{}, ofChild(i+1, err)
		}
	}
	one := *first
	one.tensors, one.room = make([]tensor.Tensor, len(first.tensors)), outcomeRoom(ps[0])
	for k := range first.tensors {
		if one.tensors[k], err = combined(answers, k, by.Of); err != nil {
			return message.Message{}, err
		}
	}
	one.names = by.names(answers, &one.tensors[0])
	asked := *first
	if asked.meta, err = mergeMeta(answers); err != nil {
		return message.Message{}, err
	}
	if first.field == dataJSON {
		if one.value, err = c.json.write(&one, first); err != nil {
			return message.Message{}, err
		}
	}
	out, err := c.encodeResponse(&one, &asked)
	return carry(out, ps[0]), err
}

// names are those of the columns of what was combined; none where they would not
// tell them apart.
func (by *Combination) names(answers []*content, one *tensor.Tensor) []string {
	if !by.Beside {
		if slices.Equal(one.Shape, answers[0].tensors[0].Shape) {
			return answers[0].names
		}
		return nil
	}
	var names []string
	for _, m := range answers {
		if len(m.names) != width(&m.tensors[0]) {
			return nil
		}
		names = append(names, m.names...)
	}
	if !telling(names) {
		return nil
	}
	return names
}

// width is how many columns a tensor has; -1: none that can have names.
func width(t *tensor.Tensor) int {
	if t.Rank() < 2 {
		return -1
	}
	return int(t.Shape[1])
}

func decodeToCombine(c codec, p message.Message) (*content, error) {
	m, err := c.decodeResponse(p)
	if err != nil {
		return nil, err
	}
	if m.field == dataJSON {
		if m.tensors, err = readJSONData(m.value, c, c); err != nil {
			return nil, err
		}
	}
	if len(m.tensors) == 0 {
		return nil, refuse("", "the answer holds no tensor")
	}
	if err := m.noTable(); err != nil {
		return nil, err
	}
	return m, nil
}

// arrange puts the columns of a table in the order in which another answer
// names them. Names that say nothing, and those of a single column, leave
// the order to be the same.
func (m *content) arrange(first *content) error {
	if !telling(m.names) || !telling(first.names) || slices.Equal(m.names, first.names) ||
		len(m.tensors) != 1 || len(first.tensors) != 1 || m.tensors[0].Rank() != 2 || m.tensors[0].Shape[1] != int64(len(m.names)) {
		return nil
	}
	order := make([]int, len(first.names))
	for k, name := range first.names {
		if order[k] = slices.Index(m.names, name); order[k] < 0 {
			return refuse("", "it names its columns %q, child 0 %q", m.names, first.names)
		}
	}
	if len(m.names) != len(first.names) {
		return refuse("", "it names its columns %q, child 0 %q", m.names, first.names)
	}
	t, err := m.tensors[0].PickColumns(order)
	if err != nil {
		return blame("", err)
	}
	m.tensors[0] = t
	return nil
}

// telling reports whether names tell columns apart: there are several, each its
// own, and not those that Seldon's Python wrapper gives by place.
func telling(names []string) bool {
	if len(names) < 2 || names[0] == "t:0" {
		return false
	}
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	return len(seen) == len(names)
}

func ofChild(i int, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return refuse(e.Tensor, "child %d: %s", i, e.Reason)
	}
	return refuse("", "child %d: %s", i, reason(err))
}

// combined is made of the first answer's tensor k and the others' tensors of that
// name.
func combined(answers []*content, k int, combine func([]tensor.Tensor) (tensor.Tensor, error)) (tensor.Tensor, error) {
	name := answers[0].tensors[k].Name
	all := make([]tensor.Tensor, len(answers))
	for i, m := range answers {
		if len(m.tensors) != len(answers[0].tensors) {
			return tensor.Tensor{}, ofChild(i, refuse("", "it answers %d tensors, child 0 %d",
				len(m.tensors), len(answers[0].tensors)))
		}
		found := false
		for _, t := range m.tensors {
			if t.Name == name || len(m.tensors) == 1 {
				all[i], found = t, true
				break
			}
		}
		if !found {
			return tensor.Tensor{}, ofChild(i, refuse(name, "it does not answer this tensor"))
		}
	}
	t, err := combine(all)
	if err != nil {
		return t, blame(name, err)
	}
	t.Name = name
	return t, nil
}
