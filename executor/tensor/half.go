package tensor

import "math"

// The two 16-bit floats: exponent bits and mantissa bits.
const (
	halfExponent, halfMantissa         = 5, 10
	bfloat16Exponent, bfloat16Mantissa = 8, 7
)

// fromSmall widens a 16-bit float, exactly.
func fromSmall(bits uint16, exponentBits, mantissaBits int) float64 {
	bias := 1<<(exponentBits-1) - 1
	mantissa := int(bits) & (1<<mantissaBits - 1)
	exponent := int(bits) >> mantissaBits & (1<<exponentBits - 1)
	sign := 1.0
	if bits>>15 != 0 {
		sign = -1
	}
	switch exponent {
	case 1<<exponentBits - 1:
		if mantissa != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	case 0:
		return math.Copysign(math.Ldexp(float64(mantissa), 1-bias-mantissaBits), sign)
	}
	return sign * math.Ldexp(float64(mantissa|1<<mantissaBits), exponent-bias-mantissaBits)
}

// toSmall rounds to the nearest 16-bit float, ties to even. ok is false where a
// finite number would become infinite.
func toSmall(f float64, exponentBits, mantissaBits int) (bits uint16, ok bool) {
	bias := 1<<(exponentBits-1) - 1
	top := uint16(1<<exponentBits-1) << mantissaBits
	sign := uint16(0)
	if math.Signbit(f) {
		sign = 1 << 15
	}
	switch {
	case math.IsNaN(f):
		return sign | top | 1<<(mantissaBits-1), true
	case math.IsInf(f, 0):
		return sign | top, true
	case f == 0:
		return sign, true
	}
	_, exponent := math.Frexp(f) // |f| = m * 2^exponent, 0.5 <= m < 1
	exponent = max(exponent-1, 1-bias)
	// Counted in units of the last place, a carry runs into the exponent.
	units := math.RoundToEven(math.Ldexp(math.Abs(f), mantissaBits-exponent))
	value := int(units) + (exponent+bias-1)<<mantissaBits
	if value >= int(top) {
		return 0, false
	}
	return sign | uint16(value), true
}
