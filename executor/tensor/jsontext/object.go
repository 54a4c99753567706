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
func ParseObject(text []byte) (Fields, error) {
	i := Space(text, 0)
	if i >= len(text) {
		return nil, errTruncated()
	}
	if text[i] != '{' {
		return nil, fmt.Errorf("a JSON object is expected, not %s", describe(text[i:]))
	}
	var fields Fields
	i = Space(text, i+1)
	if i < len(text) && text[i] == '}' {
		return fields, onlySpace(text, i+1)
	}
	for {
		start, err := skipKey(text, i)
		if err != nil {
			return nil, err
		}
		keyEnd, _ := skipString(text, i)
		key, err := Unquote(text[i:keyEnd])
		if err != nil {
			return nil, err
		}
		end, err := skip(text, start, 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, Field{Key: string(key), Value: text[start:end],
			KeyStart: i, KeyEnd: keyEnd, Start: start, End: end})
		next, done, err := Next(text, end, '}')
		if err != nil {
			return nil, err
		}
		if done {
			return fields, onlySpace(text, next)
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
