package tensor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// Dialect is what JSON texts of a protocol may hold among numbers and strings.
type Dialect struct {
	// Null reads null as NaN, as servers write it that keep to strict JSON.
	Null bool
	// Words reads "NaN", "Infinity" and "-Infinity" as numbers: protobuf's
	// JSON. A tensor of nothing else is numbers as well.
	Words bool
	// Base64 reads {"b64": "..."} as a byte string: TensorFlow Serving.
	Base64 bool
}

// Parse reads the JSON text of a tensor: numbers, true and false, or strings,
// alone or in arrays of any depth. The shape is that of the arrays, which must
// not be ragged. Numbers keep their spelling; their type is [Number].
func Parse(text []byte, dialect Dialect) (Tensor, error) {
	t, i, err := ParseAt(text, jsontext.Space(text, 0), dialect)
	if err != nil {
		return Tensor{}, err
	}
	if i = jsontext.Space(text, i); i < len(text) {
		return Tensor{}, refuse("unexpected %q behind the value", rune(text[i]))
	}
	return t, nil
}

// ParseAt is [Parse] of the value that begins at i, whatever is behind it, and returns
// where it ends.
func ParseAt(text []byte, i int, dialect Dialect) (t Tensor, end int, err error) {
	p := parser{in: text, dialect: dialect, leaf: -1}
	if i < len(text) && text[i] == '[' {
		end, err = p.array(i+1, 0)
	} else {
		end, err = p.element(i)
		p.count = 1
	}
	if err != nil {
		return Tensor{}, end, err
	}
	return p.tensor(), end, nil
}

// ParseFlat reads the JSON text of the elements of a tensor whose shape is
// known, however they are nested.
func ParseFlat(text []byte, shape []int64, dialect Dialect) (Tensor, error) {
	p := parser{in: text, dialect: dialect, leaf: -1, anyShape: true}
	i := jsontext.Space(text, 0)
	if i >= len(text) || text[i] != '[' {
		return Tensor{}, refuse("the elements must be a JSON array")
	}
	i, err := p.array(i+1, 0)
	if err != nil {
		return Tensor{}, err
	}
	if i = jsontext.Space(text, i); i < len(text) {
		return Tensor{}, refuse("unexpected %q behind the value", rune(text[i]))
	}
	p.shape = []int64{int64(p.count)}
	return p.tensor().Reshape(shape)
}

// usualRank is the rank up to which a tensor's shape takes memory once.
const usualRank = 4

// parser reads nested arrays in one pass.
type parser struct {
	in      []byte
	dialect Dialect
	// anyShape counts elements and lets arrays be ragged.
	anyShape bool

	// shape has -1 where it is not known yet, and room for itself twice (tensor). index
	// is that of the element that is read, in room.
	shape, index []int64
	room         [usualRank]int64

	leaf  int // depth of the arrays that hold elements; -1: not seen
	count int

	class class // of the elements so far; classNumber with count 0: none
	// first and last enclose the numbers in the text, whose own length is spelling.
	// flat is a copy of them, made only where some are spelled otherwise there.
	first, last, spelling int
	flat                  []byte
	// holes says that there are empty arrays.
	holes   bool
	bools   []byte
	elems   [][]byte
	words   int
	spelled spelled
}

func (p *parser) refuse(format string, args ...any) error {
	return &Error{Index: slices.Clone(p.index), Reason: fmt.Sprintf(format, args...)}
}

// array reads the elements of an array up to its closing bracket.
func (p *parser) array(i, depth int) (int, error) {
	if depth >= maxRank {
		return i, refuse("more than %d dimensions", maxRank)
	}
	if p.shape == nil {
		p.index, p.shape = p.room[:0], make([]int64, 0, 2*usualRank)
	}
	if depth == len(p.shape) {
		p.shape = append(p.shape, -1)
	}
	p.index = append(p.index, 0)
	n := int64(0)
	i = jsontext.Space(p.in, i)
	if i < len(p.in) && p.in[i] == ']' {
		p.holes = true
		i++
	} else {
		for done := false; !done; n++ {
			if p.leaf == depth && p.plain() {
				var more int64
				i, more = p.numbers(i)
				n += more
			}
			p.index[depth] = n
			var err error
			if i, err = p.member(i, depth); err != nil {
				return i, err
			}
			if i, done, err = jsontext.Next(p.in, i, ']'); err != nil {
				return i, refuse("%v", err)
			}
		}
	}
	p.index = p.index[:depth]
	switch {
	case p.shape[depth] < 0:
		p.shape[depth] = n
	case p.shape[depth] != n && !p.anyShape:
		return i, p.refuse("the arrays are ragged: %d elements where others have %d", n, p.shape[depth])
	}
	return i, nil
}

func (p *parser) member(i, depth int) (int, error) {
	if i < len(p.in) && p.in[i] == '[' {
		if p.leaf >= 0 && depth >= p.leaf && !p.anyShape {
			return i, p.refuse("the arrays are ragged: an array where others have an element")
		}
		return p.array(i+1, depth+1)
	}
	if !p.anyShape && (len(p.shape) > depth+1 || p.leaf >= 0 && p.leaf != depth) {
		return i, p.refuse("the arrays are ragged: an element where others have an array")
	}
	p.leaf = depth
	end, err := p.element(i)
	p.count++
	return end, err
}

func (p *parser) element(i int) (int, error) {
	if i >= len(p.in) {
		return i, refuse("the JSON ends too early")
	}
	switch jsontext.TypeOf(p.in[i:]) {
	case jsontext.Number:
		return p.number(i)
	case jsontext.String:
		return p.text(i)
	case jsontext.Bool:
		return p.bool(i)
	case jsontext.Null:
		end, err := jsontext.Skip(p.in, i)
		if err != nil {
			return end, refuse("%v", err)
		}
		if !p.dialect.Null {
			return end, p.refuse("null is no value of a tensor")
		}
		return end, p.word([]byte("NaN"))
	case jsontext.Object:
		return p.object(i)
	}
	return i, p.refuse("unexpected %q", rune(p.in[i]))
}

// become checks that all elements are of one kind.
func (p *parser) become(c class) error {
	if p.count == 0 {
		p.class = c
	}
	if p.class != c {
		names := map[class]string{classNumber: "a number", classBool: "true or false", classBytes: "a string"}
		return p.refuse("%s where the first element is %s", names[c], names[p.class])
	}
	return nil
}

func (p *parser) number(i int) (int, error) {
	end, spelling, err := jsontext.NumberEnd(p.in, i)
	if err != nil {
		return end, refuse("%v", err)
	}
	p.spelled.add(spelling, end-i)
	if p.class != classNumber {
		if err := p.become(classNumber); err != nil {
			return end, err
		}
	}
	if p.count == 0 {
		p.first = i
	}
	p.last, p.spelling = end, p.spelling+end-i
	if p.flat != nil {
		p.flat = append(append(p.flat, p.in[i:end]...), ',')
	}
	return end, nil
}

// plain reports whether all elements so far are numbers, spelled as they are in the
// text.
func (p *parser) plain() bool { return p.count > 0 && p.class == classNumber && p.flat == nil }

// numbers reads numbers that others follow, without looking for anything else: it
// stops at what may be no number, and at the last one. It returns how many there were.
func (p *parser) numbers(i int) (next int, n int64) {
	s, last, spelling := p.spelled, p.last, 0
	for {
		end, how := jsontext.PlainNumber(p.in, i)
		if end == 0 || end == len(p.in) || p.in[end] != ',' {
			break
		}
		if length := end - i; length > s.longest || how == jsontext.Integer {
			s.add(how, length)
		} else {
			s.fraction = true
		}
		last, spelling = end, spelling+end-i
		i = jsontext.Space(p.in, end+1)
		n++
	}
	p.spelled, p.last, p.spelling, p.count = s, last, p.spelling+spelling, p.count+int(n)
	return i, n
}

// word adds NaN or an infinity, which the text spells otherwise.
func (p *parser) word(word []byte) error {
	p.spelled.add(jsontext.Word, len(word))
	if p.class != classNumber {
		if err := p.become(classNumber); err != nil {
			return err
		}
	}
	p.flatten()
	p.flat = append(append(p.flat, word...), ',')
	return nil
}

// flatten copies the numbers that were read, without what is between them.
func (p *parser) flatten() {
	if p.flat != nil {
		return
	}
	// What is read may be a whole message, of which the numbers are a small part.
	p.flat = make([]byte, 0, p.last-p.first+len("-Infinity,"))
	tokens := numbers{p.in[p.first:p.last], true}
	for n := 0; n < p.count && len(tokens.rest) > 0; {
		if token := tokens.next(); len(token) > 0 {
			p.flat = append(append(p.flat, token...), ',')
			n++
		}
	}
}

func (p *parser) bool(i int) (int, error) {
	end, err := jsontext.Skip(p.in, i)
	if err != nil {
		return end, refuse("%v", err)
	}
	if err := p.become(classBool); err != nil {
		return end, err
	}
	v := byte(0)
	if p.in[i] == 't' {
		v = 1
	}
	p.bools = append(p.bools, v)
	return end, nil
}

func (p *parser) text(i int) (int, error) {
	end, err := jsontext.Skip(p.in, i)
	if err != nil {
		return end, refuse("%v", err)
	}
	s, err := jsontext.Unquote(p.in[i:end])
	if err != nil {
		return end, p.refuse("%v", err)
	}
	if p.dialect.Words && p.class != classBytes {
		switch string(s) {
		case "NaN", "Infinity", "-Infinity":
			p.words++
			return end, p.word(s)
		}
		if p.count > 0 && p.words == p.count {
			p.wordsAreStrings()
		}
	}
	return end, p.bytes(s)
}

// wordsAreStrings takes back the reading of "NaN" as a number.
func (p *parser) wordsAreStrings() {
	words := numbers{rest: bytes.TrimSuffix(p.flat, []byte{','})}
	for w := words.next(); w != nil; w = words.next() {
		p.elems = append(p.elems, bytes.Clone(w))
	}
	p.class, p.flat, p.spelled = classBytes, nil, spelled{}
}

func (p *parser) bytes(s []byte) error {
	if err := p.become(classBytes); err != nil {
		return err
	}
	p.elems = append(p.elems, s)
	return nil
}

func (p *parser) object(i int) (int, error) {
	end, err := jsontext.Skip(p.in, i)
	if err != nil {
		return end, refuse("%v", err)
	}
	if p.dialect.Base64 {
		fields, err := jsontext.ParseObject(p.in[i:end])
		if err != nil {
			return end, p.refuse("%v", err)
		}
		if len(fields) == 1 && fields[0].Key == "b64" {
			s, err := DecodeBase64(fields[0].Value)
			if err != nil {
				return end, p.refuse("%v", err)
			}
			return end, p.bytes(s)
		}
	}
	return end, p.refuse("an object is no value of a tensor")
}

func (p *parser) tensor() Tensor {
	switch p.class {
	case classBool:
		return Tensor{DType: Bool, Shape: p.shape, raw: p.bools}
	case classBytes:
		return Tensor{DType: Bytes, Shape: p.shape, elems: p.elems}
	}
	if p.holes && p.count > 0 {
		p.flatten()
	}
	t := Tensor{Shape: p.shape, text: []byte{}, spelled: p.spelled}
	switch {
	case len(p.flat) > 0:
		t.text = p.flat[:len(p.flat)-1]
	case p.count > 0:
		t.text = p.in[p.first:p.last:p.last]
		commas := p.spelling + p.count - 1
		t.nested = len(t.text) != commas
		if !p.anyShape {
			rank := len(p.shape)
			both := append(p.shape, p.shape...)
			t.Shape, t.lengths = both[:rank:rank], both[rank:]
			t.tight = len(t.text) == commas+brackets(p.shape)
		}
	}
	return t
}

// brackets is how many there are between the elements of a shape: those of all
// arrays but the ones that begin with the first element, and end with the last.
func brackets(shape []int64) int {
	arrays, all := int64(1), int64(0)
	for _, d := range shape[:max(len(shape)-1, 0)] {
		arrays *= d
		all += arrays - 1
	}
	return 2 * int(all)
}

// DecodeBase64 decodes a JSON string of standard base64, padded or not.
func DecodeBase64(quoted []byte) ([]byte, error) {
	s, err := jsontext.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	encoding := base64.StdEncoding
	if len(s)%4 != 0 {
		encoding = base64.RawStdEncoding
	}
	out, err := encoding.AppendDecode([]byte{}, s)
	if err != nil {
		return nil, refuse("not base64: %v", err)
	}
	return out, nil
}
