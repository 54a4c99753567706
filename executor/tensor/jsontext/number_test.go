package jsontext

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"testing"
)

// TestDigits compares eight characters at once with one after the other.
func TestDigits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		b := make([]byte, random.IntN(30))
		for i := range b {
			b[i] = byte('0' + random.IntN(10))
			if random.IntN(12) == 0 {
				b[i] = byte(random.IntN(256))
			}
		}
		i := random.IntN(len(b) + 1)
		want := i
		for want < len(b) && b[want] >= '0' && b[want] <= '9' {
			want++
		}
		if got := digits(b, i); got != want {
			t.Fatalf("digits of %q from %d on end at %d, not %d", b, i, got, want)
		}
	}
	for c := range 256 {
		if b := []byte{byte(c), '1', '2', '3', '4', '5', '6', '7'}; (digits(b, 0) == 8) != (c >= '0' && c <= '9') {
			t.Errorf("%q counts wrongly as a digit or not", b)
		}
		if b := []byte{'1', '2', '3', '4', '5', '6', '7', byte(c)}; (digits(b, 0) == 8) != (c >= '0' && c <= '9') {
			t.Errorf("%q counts wrongly as a digit or not", b)
		}
	}
}

// TestPlainNumber compares numbers with JSON's, between other characters.
func TestPlainNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?`)
	const alphabet = "0123456789012345678901234567890..-,]e+ "
	for range 200000 {
		b := make([]byte, 1+random.IntN(28))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		i := random.IntN(len(b))
		want := i + len(number.Find(b[i:]))
		if want == i || want < len(b) && (b[want] >= '0' && b[want] <= '9' || b[want]|0x20 == 'e' || b[want] == '.' && !bytes.Contains(b[i:want], []byte("."))) {
			want = 0
		}
		end, spelling := PlainNumber(b, i)
		if end != want || end > 0 && (spelling == Decimal) != bytes.Contains(b[i:end], []byte(".")) {
			t.Fatalf("the number of %q from %d on ends at %d as %v, not at %d", b, i, end, spelling, want)
		}
	}
}
