package rule

import (
	"fmt"
	"strings"
	"testing"
)

// row answers the cells of a formula by name.
type row map[string]any

func valueOf(t *testing.T, text string, element bool, r row) (any, *Formula, error) {
	t.Helper()
	f, err := CompileFormula(text, element)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	run := f.Begin(request{texts: map[string]string{"header X-Plan": "Gold"}, rows: 3})
	for i, c := range f.Cells {
		run.Set(i, r[c.Name])
	}
	v, err := run.Value()
	return v, f, err
}

func TestFormulas(t *testing.T) {
	r := row{"weight": 72.0, "height": 1.8, "petal length": 4.5, "0": 7.0, "color": "red", "min": 3.0, "x": -2.5}
	for text, want := range map[string]string{
		`weight / height ** 2`:                          "22.22222222222222 0",
		`column("petal length") * 2`:                    "9 0",
		`column(0) + 1`:                                 "8 0",
		`weight > 70`:                                   "true 2",
		`weight > 70 ? "heavy" : "light"`:               "heavy 3",
		`text("color") + "-" + lower(header("X-Plan"))`: "red-gold 3",
		`rows() + 1`:                                    "4 1",
		`len(text("color"))`:                            "3 1",
		`int(height)`:                                   "1 1",
		`min(weight, height, min)`:                      "1.8 0",
		`max(weight, 100)`:                              "100 0",
		`max(1, 2)`:                                     "2 0",
		`abs(-3)`:                                       "3 0",
		`mod(-7, 3)`:                                    "2 0",
		`round(2.5)`:                                    "2 0",
		`weight in [71, 72]`:                            "true 2",
		`weight in [71.5, 72]`:                          "true 2",
		`text("color") in ["red", "blue"]`:              "true 2",
		`isnan((weight - 72) / (weight - 72))`:          "true 2",
		`1 / 3`:                                         "0.3333333333333333 0",
		`text("color") matches "^r" and weight < 100`:   "true 2",
	} {
		v, f, err := valueOf(t, text, false, r)
		if got := fmt.Sprint(v, " ", f.Kind); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	if v, _, err := valueOf(t, "x * x", true, r); err != nil || v != 6.25 {
		t.Errorf("%v, %v", v, err)
	}
	if _, _, err := valueOf(t, "int(weight / 0)", false, r); err == nil || !strings.Contains(err.Error(), "+Inf is no whole number of 64 bits") {
		t.Errorf("error is %v", err)
	}
}

func TestWrongFormulas(t *testing.T) {
	for text, want := range map[string]string{
		``:                                "unexpected token EOF",
		`age +`:                           "unexpected token EOF (1:5)",
		`age + "1"`:                       "invalid operation: + (mismatched types float64 and string) (1:5)",
		`sum(age)`:                        "there is no function sum; use header, text, number, has, rows, puid, lower,",
		`text(age)`:                       "text wants one name, in quotes (1:1)",
		`1 + column(header("a"))`:         "column wants one name, in quotes (1:5)",
		`number(1)`:                       "number wants one name, in quotes",
		`age ? 1 : 2`:                     "non-bool expression (type float64) used as condition",
		`age > 1 ? 1 : 2.5`:               "is of two types: give both sides the same",
		`[age]`:                           "it has to be a number, a text, or yes or no",
		`age % 2`:                         "there is no operator % (1:5)",
		`min()`:                           "not enough arguments to call min",
		`sqrt("a")`:                       "cannot use string as argument",
		`"a" * 2`:                         "invalid operation: * (mismatched types string and int)",
		`sum([1, 2])`:                     "there is no function sum",
		`count([1], # > 0)`:               "# is not part of the language (1:12)",
		`let y = 1; y`:                    "is not part of the language",
		`age.b`:                           "is not part of the language",
		strings.Repeat(`a + `, 150) + `a`: "it costs too much: it has 301 parts, more than 200",
	} {
		if _, err := CompileFormula(text, false); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: error is %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		`y + x`:           "there is no y: each element is x (1:1)",
		`number("a") + x`: "there is no number here: each element is x (1:1)",
	} {
		if _, err := CompileFormula(text, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %s", text, err, want)
		}
	}
}

func BenchmarkFormula(b *testing.B) {
	f, err := CompileFormula("weight / height ** 2", false)
	if err != nil {
		b.Fatal(err)
	}
	run := f.Begin(request{})
	b.ReportAllocs()
	for b.Loop() {
		run.Set(0, 72.5)
		run.Set(1, 1.8)
		if _, err := run.Value(); err != nil {
			b.Fatal(err)
		}
	}
}
