package protocol

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
)

// Untranslated gives an error of package translate its code, and takes from
// it the name of the node, which every error of a node gets in [AtNode].
func Untranslated(code Code, err error) error {
	var e *translate.Error
	if errors.As(err, &e) {
		before := strings.TrimSuffix(err.Error(), e.Error())
		text := e.Reason
		if e.Tensor != "" {
			text = fmt.Sprintf("%q: %s", e.Tensor, e.Reason)
		}
		err = errors.New(before + text)
	}
	return Coded(code, err)
}

// Plain undoes the compression of a message that has to be read, and puts it
// into one piece.
func Plain(m message.Message) (message.Message, error) {
	m = m.Whole()
	switch m.Encoding {
	case "", "identity":
		m.Encoding = ""
		return m, nil
	case "gzip":
	default:
		return m, Errorf(unreadable(m), "cannot read Content-Encoding %q: want gzip or none", m.Encoding)
	}
	r, err := gzip.NewReader(bytes.NewReader(m.Body))
	if err != nil {
		return m, Errorf(unreadable(m), "reading gzip: %w", err)
	}
	body, err := m.Meta.Lease.ReadAll(r, -1, m.Meta.Limit)
	switch {
	case errors.Is(err, message.ErrFull):
		return m, Coded(Exhausted, err)
	case errors.Is(err, message.ErrTooLarge) && !m.Answer:
		return m, Errorf(TooLarge, "unpacked, the request body is larger than the limit of %d bytes (--max_request_bytes)", m.Meta.Limit)
	case err != nil:
		return m, Errorf(unreadable(m), "reading gzip: %w", err)
	}
	m.Body, m.Encoding = body, ""
	return m, nil
}

func unreadable(m message.Message) Code {
	if m.Answer {
		return BadAnswer
	}
	return UnsupportedType
}
