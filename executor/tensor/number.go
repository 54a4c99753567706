package tensor

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
)

// whole reads a JSON number that is a whole one however it is spelled (12,
// 1.20e1, 12.0): its sign and magnitude. problem is empty or says why not.
func whole(token []byte) (negative bool, magnitude uint64, problem string) {
	negative = token[0] == '-'
	digits := token
	if negative {
		digits = digits[1:]
	}
	if len(digits) < 19 {
		v, plain := uint64(0), true
		for _, c := range digits {
			if c-'0' > 9 {
				plain = false
				break
			}
			v = v*10 + uint64(c-'0')
		}
		if plain {
			return negative, v, ""
		}
	}
	magnitude, problem = wholeSlow(digits)
	return negative, magnitude, problem
}

func wholeSlow(digits []byte) (uint64, string) {
	if c := digits[0]; c == 'N' || c == 'I' {
		return 0, "is not a number that can be counted with"
	}
	exponent := 0
	if e := bytes.IndexAny(digits, "eE"); e >= 0 {
		// Out of range becomes the largest value of the sign, which is enough.
		exponent, _ = strconv.Atoi(string(digits[e+1:]))
		exponent = max(min(exponent, 1<<30), -1<<30)
		digits = digits[:e]
	}
	if dot := bytes.IndexByte(digits, '.'); dot >= 0 {
		exponent -= len(digits) - dot - 1
		digits = append(bytes.Clone(digits[:dot]), digits[dot+1:]...)
	}
	digits = bytes.TrimLeft(digits, "0")
	significant := bytes.TrimRight(digits, "0")
	exponent += len(digits) - len(significant)
	switch {
	case len(significant) == 0:
		return 0, ""
	case exponent < 0:
		return 0, "is not a whole number"
	case len(significant)+exponent > 20:
		return 0, "is out of range"
	}
	spelled := append(bytes.Clone(significant), bytes.Repeat([]byte{'0'}, exponent)...)
	v, err := strconv.ParseUint(string(spelled), 10, 64)
	if err != nil {
		return 0, "is out of range"
	}
	return v, ""
}

// float reads a JSON number as the nearest float of 32 or 64 bits. A number
// spelled as an integer must be represented exactly, as TensorFlow Serving asks
// as well; none but Infinity itself becomes infinite.
func float(token []byte, bits int) (f float64, problem string) {
	switch string(token) {
	case "NaN":
		return math.NaN(), ""
	case "Infinity":
		return math.Inf(1), ""
	case "-Infinity":
		return math.Inf(-1), ""
	}
	f, err := strconv.ParseFloat(string(token), bits)
	if err != nil {
		return 0, "is out of range"
	}
	if !exactInteger(token, f, bits) {
		return 0, "has more digits than it can hold"
	}
	return f, ""
}

// exactInteger is true unless token is spelled as an integer and differs
// from f.
func exactInteger(token []byte, f float64, bits int) bool {
	safe := 15
	if bits == 32 {
		safe = 7
	}
	if len(token) <= safe || bytes.ContainsAny(token, ".eE") {
		return true
	}
	integer, ok := new(big.Int).SetString(string(token), 10)
	if !ok {
		return false
	}
	got, _ := new(big.Float).SetFloat64(f).Int(nil)
	return integer.Cmp(got) == 0
}

// appendFloat spells a float with the fewest digits that identify it among
// those of its size, and always so that it reads as a decimal.
func appendFloat(dst []byte, f float64, bits int) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	if format == 'f' && bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}
