package jsontext

import "fmt"

// Field is a member of an object and its place in the text.
type Field struct {
	Key   string
	Value []byte
	// KeyStart and KeyEnd enclose the key with its quotes.
	KeyStart, KeyEnd int
	// Start and End enclose the value.
	Start, End int
}

// Fields are the members of an object in their order.
type Fields []Field

// ParseObject returns the members of the object that is the whole text, having
// checked all of it. White space around it is allowed.
func ParseObject(text []byte) (Fields, error) { return ParseTaking(text, nil) }

// Take reads the value of a member where it begins, while the object is parsed, and
// returns where it ends; 0: it is to be parsed as any other.
type Take func(key string, start int) (end int)

// ParseTaking is [ParseObject] of which some values are read at once, so that they are
// not read again. take may be nil.
func ParseTaking(text []byte, take Take) (Fields, error) {
	i := Space(text, 0)
	if i >= len(text) {
		return nil, errTruncated()
	}
	if text[i] != '{' {
		return nil, fmt.Errorf("a JSON object is expected, not %s", describe(text[i:]))
	}
	fields, end, err := Members(text, i, take)
	if err == nil {
		err = onlySpace(text, end)
	}
	if err != nil {
		return nil, err
	}
	return fields, nil
}

// usualMembers are as many as most objects have.
const usualMembers = 4

// usualKeys are those that nearly all messages have, so that they take no memory.
var usualKeys = func() map[string]string {
	all := map[string]string{}
	for _, key := range [...]string{
		"data", "names", "ndarray", "tensor", "shape", "values", "meta", "tags", "metrics", "routing", "requestPath", "puid", "status",
		"instances", "predictions", "inputs", "outputs", "signature_name", "name", "datatype", "parameters", "id", "model_name", "model_version",
	} {
		all[key] = key
	}
	return all
}()

func text(key []byte) string {
	if usual, ok := usualKeys[string(key)]; ok {
		return usual
	}
	return string(key)
}

// Members are those of the object whose brace is at i, and where it ends.
func Members(in []byte, i int, take Take) (fields Fields, end int, err error) {
	if i = Space(in, i+1); i < len(in) && in[i] == '}' {
		return nil, i + 1, nil
	}
	for {
		start, err := skipKey(in, i)
		if err != nil {
			return nil, start, err
		}
		keyEnd, _ := skipString(in, i)
		key, err := Unquote(in[i:keyEnd])
		if err != nil {
			return nil, keyEnd, err
		}
		f := Field{Key: text(key), KeyStart: i, KeyEnd: keyEnd, Start: start}
		if take != nil && start < len(in) {
			f.End = take(f.Key, start)
		}
		if f.End == 0 {
			if f.End, err = skip(in, start, 1); err != nil {
				return nil, f.End, err
			}
		}
		f.Value = in[f.Start:f.End]
		if fields == nil {
			fields = make(Fields, 0, usualMembers)
		}
		fields = append(fields, f)
		next, done, err := Next(in, f.End, '}')
		if err != nil || done {
			return fields, next, err
		}
		i = next
	}
}

// Find returns the member with this key; the last one where a key is repeated.
// A member that is null counts as absent.
func (f Fields) Find(key string) (Field, bool) {
	for i := len(f) - 1; i >= 0; i-- {
		if f[i].Key == key {
			return f[i], TypeOf(f[i].Value) != Null
		}
	}
	return Field{}, false
}

// Value is the value of the member with this key, or nil.
func (f Fields) Value(key string) []byte {
	field, ok := f.Find(key)
	if !ok {
		return nil
	}
	return field.Value
}

// Text is the string value of the member with this key. Absent members are
// empty, values of another type an error.
func (f Fields) Text(key string) (string, error) {
	value := f.Value(key)
	if value == nil {
		return "", nil
	}
	text, err := Unquote(value)
	if err != nil {
		return "", fmt.Errorf("%q must be a string", key)
	}
	return string(text), nil
}

// ParseArray returns the elements of the array that is the whole text, having
// checked all of it.
func ParseArray(text []byte) ([][]byte, error) {
	i := Space(text, 0)
	if i >= len(text) {
		return nil, errTruncated()
	}
	if text[i] != '[' {
		return nil, fmt.Errorf("a JSON array is expected, not %s", describe(text[i:]))
	}
	var elements [][]byte
	i = Space(text, i+1)
	if i < len(text) && text[i] == ']' {
		return elements, onlySpace(text, i+1)
	}
	for {
		end, err := skip(text, i, 1)
		if err != nil {
			return nil, err
		}
		elements = append(elements, text[i:end])
		next, done, err := Next(text, end, ']')
		if err != nil {
			return nil, err
		}
		if done {
			return elements, onlySpace(text, next)
		}
		i = next
	}
}

func onlySpace(text []byte, i int) error {
	if i = Space(text, i); i < len(text) {
		return unexpected(text, i)
	}
	return nil
}

func describe(value []byte) string {
	switch TypeOf(value) {
	case Null:
		return "null"
	case Bool:
		return "true or false"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return fmt.Sprintf("%q", rune(value[0]))
}
