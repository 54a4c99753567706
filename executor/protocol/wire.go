package protocol

import (
	"encoding/binary"
	"io"
	"strconv"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
)

// StringAt returns the string field of a protobuf message that the field
// numbers lead to, the last one if it is repeated, and "" if there is none. A
// whole number is returned in digits. It decodes nothing else.
func StringAt(body []byte, way []protowire.Number) string {
	found := ""
	if len(way) == 0 {
		return ""
	}
	for len(body) > 0 {
		number, kind, n := protowire.ConsumeTag(body)
		if n < 0 {
			return found
		}
		body = body[n:]
		if number == way[0] && kind == protowire.VarintType && len(way) == 1 {
			value, n := protowire.ConsumeVarint(body)
			if n < 0 {
				return found
			}
			body = body[n:]
			found = strconv.FormatInt(int64(value), 10) //nolint:gosec // as protobuf has it
			continue
		}
		if number != way[0] || kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, body); n < 0 {
				return found
			}
			body = body[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(body)
		if n < 0 {
			return found
		}
		body = body[n:]
		if len(way) == 1 {
			found = string(value)
		} else if deeper := StringAt(value, way[1:]); deeper != "" {
			found = deeper
		}
	}
	return found
}

// StringOf is [StringAt] of a message's body.
func StringOf(m message.Message, way []protowire.Number) string {
	if m.Parts != nil {
		return StringIn(m.Parts, way)
	}
	return StringAt(m.Body, way)
}

// mostOfName is the longest field that [StringIn] looks into.
const mostOfName = 64 << 10

// StringIn is [StringAt] of a message in parts, which stay as they are. Names in
// fields of more than 64 kB are not found.
func StringIn(parts mem.BufferSlice, way []protowire.Number) string {
	found := ""
	if len(way) == 0 {
		return found
	}
	r := parts.Reader()
	defer func() { _ = r.Close() }()
	for r.Remaining() > 0 {
		tag, err := binary.ReadUvarint(r)
		if err != nil {
			return found
		}
		skip := uint64(0)
		switch number, kind := protowire.DecodeTag(tag); kind {
		case protowire.VarintType:
			if _, err := binary.ReadUvarint(r); err != nil {
				return found
			}
		case protowire.Fixed32Type:
			skip = 4
		case protowire.Fixed64Type:
			skip = 8
		case protowire.BytesType:
			if skip, err = binary.ReadUvarint(r); err != nil || skip > uint64(r.Remaining()) { //nolint:gosec // not negative
				return found
			}
			if number == way[0] && skip <= mostOfName {
				value := make([]byte, skip)
				if _, err := io.ReadFull(r, value); err != nil {
					return found
				}
				if text := stringOf(value, way[1:]); text != "" || len(way) == 1 {
					found = text
				}
				skip = 0
			}
		default:
			return found
		}
		if n, err := r.Discard(int(skip)); err != nil || n < int(skip) {
			return found
		}
	}
	return found
}

func stringOf(value []byte, way []protowire.Number) string {
	if len(way) == 0 {
		return string(value)
	}
	return StringAt(value, way)
}

// stringField writes a string at the end of the way, wrapped in the messages
// along it. Written behind a message it sets the field there: of what is
// repeated, protobuf takes the last.
func stringField(way []protowire.Number, value string) []byte {
	return wrapped(way, []byte(value))
}

// numberField is [stringField] of a whole number.
func numberField(way []protowire.Number, value int64) []byte {
	last := len(way) - 1
	b := protowire.AppendTag(nil, way[last], protowire.VarintType)
	return wrapped(way[:last], protowire.AppendVarint(b, uint64(value))) //nolint:gosec // as protobuf has it
}

func wrapped(way []protowire.Number, b []byte) []byte {
	for i := len(way) - 1; i >= 0; i-- {
		b = protowire.AppendBytes(protowire.AppendTag(nil, way[i], protowire.BytesType), b)
	}
	return b
}

// WithModel returns a request that names the model, if this dialect's requests
// do so and this one does not yet.
func (d *Dialect) WithModel(m message.Message, name string) message.Message {
	if len(d.Name) == 0 || StringAt(m.Tail, d.Name) != "" || StringOf(m, d.Name) != "" {
		return m
	}
	m.Tail = append(stringField(d.Name, name), m.Tail...)
	return m
}

// ForModel returns a request that names this model, whichever it names now, if
// this dialect's requests name one.
func (d *Dialect) ForModel(m message.Message, name string) message.Message {
	if len(d.Name) == 0 || StringOf(m, d.Name) == name {
		return m
	}
	m.Tail = append(stringField(d.Name, name), m.Tail...)
	return m
}

// ForVersion returns a request that asks for a version of its model, or for a label
// where the protocol has both and the version is no number, whatever it asks for now.
// Requests that name no version in their message are left as they are.
func (d *Dialect) ForVersion(m message.Message, version string) message.Message {
	field := d.versionField(version)
	if field == nil || version == d.VersionOf(m) {
		return m
	}
	m.Tail = append(field, m.Tail...)
	return m
}

func (d *Dialect) versionField(version string) []byte {
	switch {
	case version == "" || len(d.Version) == 0:
		return nil
	case len(d.Label) == 0:
		return stringField(d.Version, version)
	}
	if n, err := strconv.ParseInt(version, 10, 64); err == nil {
		return numberField(d.Version, n)
	}
	return stringField(d.Label, version)
}

// VersionOf is the version that a request's message asks for; empty: none.
func (d *Dialect) VersionOf(m message.Message) string {
	if len(d.Version) == 0 {
		return ""
	}
	if version := StringAt(m.Tail, d.Version); version != "" {
		return version
	}
	return StringOf(m, d.Version)
}

// True is a message whose one field says true.
func True(field protowire.Number) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), 1)
}
