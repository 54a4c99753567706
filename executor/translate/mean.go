package translate

import (
	"errors"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Mean is the element-wise mean of the tensors in several answers, written in
// the field of the first. Answers that do not match are an error that names the
// child by its index.
func Mean(form Form, ps []message.Message) (message.Message, error) {
	c, err := form.codec()
	if err != nil {
		return message.Message{}, err
	}
	if len(ps) == 0 {
		return message.Message{}, refuse("", "there is no answer to take the mean of")
	}
	answers := make([]*content, len(ps))
	for i, p := range ps {
		if answers[i], err = decodeForMean(c, p); err != nil {
			return message.Message{}, ofChild(i, err)
		}
	}
	first := answers[0]
	mean := *first
	mean.tensors = make([]tensor.Tensor, len(first.tensors))
	for k := range first.tensors {
		if mean.tensors[k], err = meanOf(answers, k); err != nil {
			return message.Message{}, err
		}
	}
	asked := *first
	if asked.meta, err = mergeMeta(answers); err != nil {
		return message.Message{}, err
	}
	if first.field == dataJSON {
		if mean.value, err = c.json.write(&mean, first); err != nil {
			return message.Message{}, err
		}
	}
	out, err := c.encodeResponse(&mean, &asked)
	return carry(out, ps[0]), err
}

func decodeForMean(c codec, p message.Message) (*content, error) {
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
	return m, nil
}

func ofChild(i int, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return refuse(e.Tensor, "child %d: %s", i, e.Reason)
	}
	return refuse("", "child %d: %s", i, reason(err))
}

// meanOf is the mean of the first answer's tensor k and the others' tensors of
// that name.
func meanOf(answers []*content, k int) (tensor.Tensor, error) {
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
	t, err := tensor.Mean(all)
	if err != nil {
		return t, blame(name, err)
	}
	t.Name = name
	return t, nil
}
