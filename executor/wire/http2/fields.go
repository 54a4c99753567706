package http2

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http2/hpack"
)

// Field is a field of a header: a name in lower case, and a value. The value of
// a name that ends in "-bin" is in base64, as it is on the wire.
type Field = hpack.HeaderField

// table is the fields that the peer knows by a number, those that every call
// has. All other fields are sent as text and change nothing in it, so that a
// number stays good for as long as the connection stands.
type table struct {
	known []Field
	// size is what the known fields take of the peer's table, limit what they
	// may.
	size, limit uint32
	// resized is true when the peer is to be told of the limit.
	resized bool
}

// mostKnown bounds what is kept in the peer's table: below what every peer
// allows at first (SETTINGS_HEADER_TABLE_SIZE, 4096 bytes).
const (
	mostKnown    = 2048
	initialTable = 4096
)

func newTable() table { return table{limit: initialTable} }

// resize heeds the size of the table that the peer allows. It does not grow
// again.
func (t *table) resize(limit uint32) {
	if limit >= t.limit {
		return
	}
	t.limit, t.resized = limit, true
	if limit < t.size {
		t.limit, t.known, t.size = 0, nil, 0
	}
}

// begin begins a block of fields.
func (t *table) begin(block []byte) []byte {
	if t.resized {
		t.resized = false
		block = appendNumber(block, 0x20, 5, uint64(t.limit))
	}
	return block
}

// field appends a field that comes often.
func (t *table) field(block []byte, f Field) []byte {
	for i, known := range t.known {
		if known.Name == f.Name && known.Value == f.Value {
			return appendNumber(block, 0x80, 7, uint64(staticFields+len(t.known)-i))
		}
	}
	if t.size+f.Size() > min(t.limit, mostKnown) {
		return appendField(block, f)
	}
	t.known, t.size = append(t.known, f), t.size+f.Size()
	return appendText(appendText(append(block, 0x40), f.Name), f.Value)
}

// staticFields is how many fields every peer knows (RFC 7541, appendix A).
const staticFields = 61

// Fields that every peer knows.
const (
	methodPost = 0x83
	schemeHTTP = 0x86
	schemeTLS  = 0x87
	status200  = 0x88
)

// appendField appends a field as text that is not kept by the peer.
func appendField(block []byte, f Field) []byte {
	kind := byte(0)
	if f.Sensitive || f.Name == "authorization" || f.Name == "cookie" {
		kind = 0x10
	}
	return appendText(appendText(append(block, kind), f.Name), f.Value)
}

func appendText(block []byte, text string) []byte {
	return append(appendNumber(block, 0, 7, uint64(len(text))), text...)
}

// appendNumber appends a number whose first bits share a byte with kind (RFC
// 7541, 5.1).
func appendNumber(block []byte, kind byte, bits int, n uint64) []byte {
	most := uint64(1)<<bits - 1
	if n < most {
		return append(block, kind|byte(n)) //nolint:gosec // fits
	}
	block = append(block, kind|byte(most)) //nolint:gosec // fits
	for n -= most; n >= 128; n >>= 7 {
		block = append(block, 0x80|byte(n&0x7f))
	}
	return append(block, byte(n))
}

// appendTimeout appends a time as grpc-timeout has it: at most eight digits and
// a unit.
func appendTimeout(text []byte, d time.Duration) []byte {
	const most = 99_999_999
	if d <= 0 {
		return append(text, "0n"...)
	}
	for _, u := range timeUnits() {
		// Rounded up, so that a wait does not end before its time.
		n := d / u.size
		if d%u.size != 0 {
			n++
		}
		if n <= most {
			return append(strconv.AppendInt(text, int64(n), 10), u.name)
		}
	}
	return append(strconv.AppendInt(text, most, 10), 'H')
}

type timeUnit struct {
	name byte
	size time.Duration
}

func timeUnits() [6]timeUnit {
	return [...]timeUnit{{'n', 1}, {'u', time.Microsecond}, {'m', time.Millisecond}, {'S', time.Second}, {'M', time.Minute}, {'H', time.Hour}}
}

// parseTimeout reads the value of grpc-timeout.
func parseTimeout(text string) (time.Duration, bool) {
	if len(text) < 2 || len(text) > 9 {
		return 0, false
	}
	digits, unit := text[:len(text)-1], text[len(text)-1]
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, false
	}
	for _, u := range timeUnits() {
		if u.name != unit {
			continue
		}
		const longest = time.Duration(1<<63 - 1)
		if time.Duration(n) > longest/u.size {
			return longest, true
		}
		return time.Duration(n) * u.size, true
	}
	return 0, false
}

// escaped is the text of a status as grpc-message has it: what is not printable
// ASCII, and the percent sign, as % and two digits.
func escaped(text string) string {
	const digits = "0123456789ABCDEF"
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }
	first := 0
	for first < len(text) && plain(text[first]) {
		first++
	}
	if first == len(text) {
		return text
	}
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	out := make([]byte, 0, len(text)+16)
	for i := range len(text) {
		if c := text[i]; plain(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(out)
}

// unescaped reads what escaped has written. What is no escape stays as it is.
func unescaped(text string) string {
	at := strings.IndexByte(text, '%')
	if at < 0 {
		return text
	}
	out := append(make([]byte, 0, len(text)), text[:at]...)
	for ; at < len(text); at++ {
		if text[at] == '%' && at+2 < len(text) {
			if n, err := strconv.ParseUint(text[at+1:at+3], 16, 8); err == nil {
				out = append(out, byte(n))
				at += 2
				continue
			}
		}
		out = append(out, text[at])
	}
	return string(out)
}

// Binary reports whether the values of a name are in base64.
func Binary(name string) bool { return strings.HasSuffix(name, "-bin") }

// EncodeBinary writes the value of a name that ends in "-bin".
func EncodeBinary(value string) string { return base64.RawStdEncoding.EncodeToString([]byte(value)) }

// DecodeBinary reads the value of a name that ends in "-bin", with padding or
// without.
func DecodeBinary(value string) (string, error) {
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	return string(plain), err
}

// Reserved reports whether a name is one that gRPC and HTTP/2 use themselves, so
// that a call cannot set it.
func Reserved(name string) bool {
	switch name {
	case "content-type", "user-agent", "te", "content-length", "connection", "transfer-encoding", "host":
		return true
	}
	return strings.HasPrefix(name, ":") || strings.HasPrefix(name, "grpc-") && !Binary(name) || name == "grpc-status-details-bin"
}

// FieldsOf is the metadata of a call as fields, without those that are
// [Reserved].
func FieldsOf(metadata map[string][]string) []Field {
	if len(metadata) == 0 {
		return nil
	}
	all := make([]Field, 0, len(metadata))
	for name, values := range metadata {
		if Reserved(name) {
			continue
		}
		for _, v := range values {
			if Binary(name) {
				v = EncodeBinary(v)
			}
			all = append(all, Field{Name: name, Value: v})
		}
	}
	return all
}

// HeaderOf is fields as metadata; nil if there are none. Values that should be in
// base64 and are not are left out.
func HeaderOf(fields []Field) map[string][]string {
	if len(fields) == 0 {
		return nil
	}
	h := make(map[string][]string, len(fields))
	for _, f := range fields {
		if Binary(f.Name) {
			var err error
			if f.Value, err = DecodeBinary(f.Value); err != nil {
				continue
			}
		}
		h[f.Name] = append(h[f.Name], f.Value)
	}
	return h
}
