package translate

import (
	"strconv"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// usualBranch is the child that a router's answer in JSON names, if the answer has
// the form that nearly all have: data that is numbers in lists or a tensor, perhaps
// with names, and an empty meta. It reads nothing otherwise than protobuf's JSON
// does, and without its cost, which was twice that of asking a model. Of what it is
// not sure it says so by ok, also of what is wrong.
func usualBranch(body []byte) (branch int, ok bool) {
	u := usual{text: body}
	data, meta := false, false
	ok = u.object(func(member []byte) bool {
		switch {
		case string(member) == "data" && !data:
			data = true
			return u.data()
		case string(member) == "meta" && !meta:
			meta = true
			return u.object(func([]byte) bool { return false })
		}
		return false
	})
	if !ok || len(u.first) == 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(u.first), 64)
	if err != nil {
		return 0, false
	}
	branch, err = firstBranch([]float64{f})
	return branch, err == nil
}

// usual reads a text whose strings have no escapes and are ASCII.
type usual struct {
	text []byte
	at   int
	// first is the first number of the data.
	first []byte
}

// begins passes white space and then a character, if that is there.
func (u *usual) begins(c byte) bool {
	u.at = jsontext.Space(u.text, u.at)
	if u.at == len(u.text) || u.text[u.at] != c {
		return false
	}
	u.at++
	return true
}

// object reads an object whose members' values are read by value.
func (u *usual) object(value func(member []byte) bool) bool {
	if !u.begins('{') {
		return false
	}
	if u.begins('}') {
		return true
	}
	for {
		member, ok := u.string()
		if !ok || !u.begins(':') || !value(member) {
			return false
		}
		if !u.begins(',') {
			return u.begins('}')
		}
	}
}

// list reads an array whose elements are read by element.
func (u *usual) list(element func() bool) bool {
	if !u.begins('[') {
		return false
	}
	if u.begins(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if !u.begins(',') {
			return u.begins(']')
		}
	}
}

func (u *usual) string() (s []byte, ok bool) {
	if !u.begins('"') {
		return nil, false
	}
	for start := u.at; u.at < len(u.text); u.at++ {
		switch c := u.text[u.at]; {
		case c == '"':
			u.at++
			return u.text[start : u.at-1], true
		case c < ' ' || c == '\\' || c >= 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// mostDigits bounds numbers, so that none is out of range.
const mostDigits = 300

// number reads a number without an exponent.
func (u *usual) number() (token []byte, ok bool) {
	u.at = jsontext.Space(u.text, u.at)
	start := u.at
	end, spelling, err := jsontext.NumberEnd(u.text, start)
	if err != nil || spelling > jsontext.Decimal || end-start > mostDigits {
		return nil, false
	}
	u.at = end
	return u.text[start:end], true
}

func (u *usual) element() bool {
	token, ok := u.number()
	if len(u.first) == 0 {
		u.first = token
	}
	return ok
}

// data reads the data of the message.
func (u *usual) data() bool {
	names, held := false, false
	return u.object(func(member []byte) bool {
		switch {
		case string(member) == "names" && !names:
			names = true
			return u.list(func() bool { _, ok := u.string(); return ok })
		case held:
			return false
		case string(member) == "ndarray":
			held = true
			return u.list(u.row)
		case string(member) == "tensor":
			held = true
			return u.tensor()
		}
		return false
	})
}

// row reads an element of an ndarray: a number, or a list of some.
func (u *usual) row() bool {
	if u.at = jsontext.Space(u.text, u.at); u.at < len(u.text) && u.text[u.at] == '[' {
		// What an empty list says that is the first is not for here.
		return u.list(u.element) && len(u.first) > 0
	}
	return u.element()
}

// mostDimension bounds the digits of a dimension: all such numbers fit.
const mostDimension = 9

func (u *usual) tensor() bool {
	shape, values := false, false
	return u.object(func(member []byte) bool {
		switch {
		case string(member) == "shape" && !shape:
			shape = true
			return u.list(func() bool {
				start := jsontext.Space(u.text, u.at)
				token, ok := u.number()
				_, spelling, _ := jsontext.NumberEnd(u.text, start)
				return ok && spelling == jsontext.Integer && len(token) <= mostDimension
			})
		case string(member) == "values" && !values:
			values = true
			return u.list(u.element)
		}
		return false
	})
}
