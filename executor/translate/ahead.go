package translate

import (
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// ahead reads the array of a message while the message is parsed, so that its numbers,
// which are nearly all of the text, are read once.
type ahead struct {
	dialect tensor.Dialect
	// value is what has been read, and is tensor; nil: nothing has.
	value  []byte
	tensor tensor.Tensor
}

// read reads the array that begins at a place of a text and returns where it ends; 0:
// there is none, or it is not one tensor, which is for others to judge.
func (a *ahead) read(text []byte, start int) (end int) {
	if text[start] != '[' {
		return 0
	}
	t, end, err := tensor.ParseAt(text, start, a.dialect)
	if err != nil {
		return 0
	}
	a.value, a.tensor = text[start:end], t
	return end
}

// parse is the tensor of a value in the dialect, which may be the one that has been read.
func (a *ahead) parse(value []byte) (tensor.Tensor, error) {
	if len(value) > 0 && len(value) == len(a.value) && &value[0] == &a.value[0] {
		return a.tensor, nil
	}
	return tensor.Parse(value, a.dialect)
}

// seldonAhead is a seldon message whose data is parsed with it.
type seldonAhead struct {
	ahead
	data jsontext.Fields
	// of is the value of data that the fields are of.
	of []byte
}

func (a *seldonAhead) read(text []byte) (jsontext.Fields, error) {
	return jsontext.ParseTaking(text, func(key string, start int) int {
		if key != "data" || text[start] != '{' {
			return 0
		}
		data, end, err := jsontext.Members(text, start, func(key string, start int) int {
			if key != "ndarray" {
				return 0
			}
			return a.ahead.read(text, start)
		})
		if err != nil {
			return 0
		}
		a.data, a.of = data, text[start:end]
		return end
	})
}

// members are those of data.
func (a *seldonAhead) members(data []byte) (jsontext.Fields, error) {
	if len(data) == len(a.of) && &data[0] == &a.of[0] {
		return a.data, nil
	}
	return jsontext.ParseObject(data)
}
