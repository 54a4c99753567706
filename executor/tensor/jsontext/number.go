package jsontext

import (
	"encoding/binary"
	"math/bits"
)

// Spelling is how a number is written.
type Spelling uint8

// The spellings.
const (
	Integer  Spelling = iota // digits alone, perhaps with a minus sign
	Decimal                  // with a point
	Exponent                 // with an exponent
	Word                     // NaN, Infinity or -Infinity
)

// NumberEnd returns the end of the number that starts at b[i].
func NumberEnd(b []byte, i int) (end int, spelling Spelling, err error) {
	if end, spelling = PlainNumber(b, i); end > 0 {
		return end, spelling, nil
	}
	start := i
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i >= len(b) {
		return i, 0, errTruncated()
	}
	switch c := b[i]; {
	case c == '0':
		i++
	case isDigit(c):
		i = digits(b, i)
	case c == 'I':
		end, err = literal(b, i, "Infinity")
		return end, Word, err
	case c == 'N' && i == start:
		end, err = literal(b, i, "NaN")
		return end, Word, err
	default:
		return i, 0, unexpected(b, i)
	}
	if i < len(b) && b[i] == '.' {
		spelling = Decimal
		k := digits(b, i+1)
		if k == i+1 {
			return k, 0, expectedDigit(b, k)
		}
		i = k
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		spelling = Exponent
		k := i + 1
		if k < len(b) && (b[k] == '+' || b[k] == '-') {
			k++
		}
		if i = digits(b, k); i == k {
			return k, 0, expectedDigit(b, k)
		}
	}
	return i, spelling, nil
}

// PlainNumber is [NumberEnd] of numbers without an exponent, as most are; 0: what
// begins at b[i] is no such number.
func PlainNumber(b []byte, i int) (end int, spelling Spelling) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start, others := i, uint64(0)
	if i+8 <= len(b) {
		others = noDigits(binary.LittleEndian.Uint64(b[i:]))
		i += bits.TrailingZeros64(others) >> 3
	}
	if others == 0 {
		i = digits(b, i)
	}
	if i == start || i > start+1 && b[start] == '0' {
		return 0, Integer
	}
	if i < len(b) && b[i] == '.' {
		spelling = Decimal
		point := i
		// Most end within eight characters, or sixteen: where these are does not depend
		// on where the point is, so that the processor need not wait for it.
		switch more := others & (others - 1); {
		case more != 0:
			i = start + bits.TrailingZeros64(more)>>3
		case others != 0:
			i = digits(b, start+8)
		default:
			i = digits(b, point+1)
		}
		if i == point+1 {
			return 0, Decimal
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		return 0, Exponent
	}
	return i, spelling
}

// digits is the end of the digits that begin at b[i].
func digits(b []byte, i int) int {
	for i+8 <= len(b) {
		if others := noDigits(binary.LittleEndian.Uint64(b[i:])); others != 0 {
			return i + bits.TrailingZeros64(others)>>3
		}
		i += 8
	}
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// noDigits has the highest bit set of each of eight characters that is no digit.
func noDigits(word uint64) uint64 {
	const ones = 0x0101010101010101
	word ^= '0' * ones // Digits are now 0 to 9, and 0x76 more does not reach the highest bit.
	return ((word&(0x7f*ones) + 0x76*ones) | word) & (0x80 * ones)
}

func expectedDigit(b []byte, i int) error {
	if i >= len(b) {
		return errTruncated()
	}
	return unexpected(b, i)
}
