package rule

import (
	"errors"
	"strings"
	"testing"
)

// request says what a test lets it.
type request struct {
	texts  map[string]string
	rows   int
	broken error
}

func (r request) Header(name string) string        { return r.texts["header "+name] }
func (r request) Text(name string) (string, error) { return r.texts[name], r.broken }
func (r request) Rows() (int, error)               { return r.rows, r.broken }
func (request) Puid() string                       { return "p-1" }

func TestHolds(t *testing.T) {
	r := request{texts: map[string]string{"header X-Plan": "Gold", "age": "41.5", "country": "DE", "flag": "true"}, rows: 3}
	for text, want := range map[string]bool{
		`header("X-Plan") == "Gold"`:                            true,
		`lower(header("X-Plan")) in ["gold", "silver"]`:         true,
		`header("X-Other") == ""`:                               true,
		`number("age") > 40 && number("age") < 42`:              true,
		`number("none") > 0 or number("none") <= 0`:             false,
		`text("country") matches "^(DE|AT)$"`:                   true,
		`text("country") startsWith "A" || not has("flag")`:     false,
		`has("flag") && text("flag") == "true"`:                 true,
		`rows() >= 3`:                                           true,
		`puid() endsWith "-1"`:                                  true,
		`len(text("country")) == 2 ? rows() == 3 : rows() == 4`: true,
		`number("age") / 0 > 1`:                                 true,
		`text("age") + "0" == "41.50"`:                          true,
		`text("country") not in ["DE"]`:                         false,
		`true`:                                                  true,
	} {
		e, err := Compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := e.Holds(r); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                                          "unexpected token EOF",
		`header("a") == `:                           "unexpected token EOF",
		`header("a")`:                               "expected bool, but got string",
		`header(1) == "a"`:                          "cannot use int as argument (type string) to call header",
		`headers("a") == "b"`:                       "there is no function headers; use header, text, number, has, rows, puid, lower, upper, trim, len (1:1)",
		`rows() == "a"`:                             "invalid operation: == (mismatched types int and string)",
		`number("a") contains "b"`:                  "invalid operation: contains (mismatched types float64 and string)",
		`text("a") matches text("b")`:               "the pattern of matches has to be a text in quotes",
		`text("a") matches "("`:                     "error parsing regexp",
		`any([1, 2], # > 0)`:                        "is not part of the language",
		`1 in 1..1000000000`:                        "there is no operator ..",
		`2 ** 1000 > 1`:                             "there is no operator **",
		`repeat("a", 1000000000) == ""`:             "there is no function repeat",
		`let x = 1; x == 1`:                         "is not part of the language",
		`text("a")[0] == "b"`:                       "is not part of the language",
		`(has("a") ? "x" : 1) > 2`:                  `has("a") ? "x" : 1 is of two types: give both sides the same`,
		`has("a") ? true : 1`:                       "is of two types",
		`nil == nil`:                                "is not part of the language",
		strings.Repeat(`true && `, 150) + `true`:    "it costs too much: it has 301 parts, more than 200",
		`"` + strings.Repeat("a", 2000) + `" == ""`: "it costs too much: it has 2008 letters, more than 2000",
	} {
		if _, err := Compile(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: error is %v, want %s", text, err, want)
		}
	}
}

func TestAnErrorIsThatOfTheRequest(t *testing.T) {
	broken := errors.New("it is no JSON")
	for _, text := range []string{`text("a") == ""`, `number("a") > 0`, `rows() > 0`, `has("a")`} {
		e, err := Compile(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Holds(request{broken: broken}); !errors.Is(err, broken) {
			t.Errorf("%s: error is %v", text, err)
		}
	}
	e, err := Compile(`header("a") == "" || text("a") == ""`)
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := e.Holds(request{broken: broken}); !yes || err != nil {
		t.Errorf("what decides before is not enough: %v, %v", yes, err)
	}
}

func BenchmarkHolds(b *testing.B) {
	e, err := Compile(`header("X-Plan") == "Gold" && number("age") > 40`)
	if err != nil {
		b.Fatal(err)
	}
	r := request{texts: map[string]string{"header X-Plan": "Gold", "age": "41.5"}}
	b.ReportAllocs()
	for b.Loop() {
		if yes, err := e.Holds(r); !yes || err != nil {
			b.Fatal(yes, err)
		}
	}
}
