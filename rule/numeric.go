package rule

import (
	"fmt"
	"math"
)

// function is one of numbers.
type function struct {
	name  string
	call  func(args ...any) (any, error)
	types []any
}

// numeric are the functions of numbers. They are NumPy's of these names, of float64;
// min and max are its minimum and maximum, of which NaN is the outcome if it is among
// the numbers; mod is its mod; round is to the even one of two that are as near.
func numeric() []function {
	one := func(name string, f func(float64) float64) function {
		return function{name, func(args ...any) (any, error) { return f(float(args[0])), nil }, []any{new(func(float64) float64), new(func(int) float64)}}
	}
	return []function{
		one("abs", math.Abs), one("sqrt", math.Sqrt), one("exp", math.Exp), one("log", math.Log), one("log2", math.Log2), one("log10", math.Log10),
		one("sin", math.Sin), one("cos", math.Cos), one("tan", math.Tan), one("tanh", math.Tanh),
		one("floor", math.Floor), one("ceil", math.Ceil), one("round", math.RoundToEven), one("float", func(v float64) float64 { return v }),
		{"int", func(args ...any) (any, error) { return whole(float(args[0])) }, []any{new(func(float64) int)}},
		{"min", several(math.Min), []any{new(func(float64, ...float64) float64)}},
		{"max", several(math.Max), []any{new(func(float64, ...float64) float64)}},
		{"mod", func(args ...any) (any, error) { return mod(float(args[0]), float(args[1])), nil }, []any{new(func(float64, float64) float64)}},
		{"isnan", func(args ...any) (any, error) { return math.IsNaN(float(args[0])), nil }, []any{new(func(float64) bool)}},
	}
}

func several(of func(a, b float64) float64) func(args ...any) (any, error) {
	return func(args ...any) (any, error) {
		v := float(args[0])
		for _, a := range args[1:] {
			v = of(v, float(a))
		}
		return v, nil
	}
}

// float is a number of a formula, which is a float64 or an int.
func float(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int:
		return float64(v)
	}
	return math.NaN()
}

// mod has the sign of b, as NumPy's.
func mod(a, b float64) float64 {
	m := math.Mod(a, b)
	if m != 0 && (m < 0) != (b < 0) {
		return m + b
	}
	return m
}

// whole cuts what is behind the point, as NumPy's astype(int64) does; numbers that
// have no such part are refused.
func whole(v float64) (int, error) {
	t := math.Trunc(v)
	if !(t >= -1<<63 && t < 1<<63) {
		return 0, fmt.Errorf("%g is no whole number of 64 bits", v)
	}
	return int(t), nil
}
