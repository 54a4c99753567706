package config

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/setting"
)

// field ties a setting to its place in Config.
type field struct {
	setting.Setting
	// set takes a text over; nil: what the variable says is read elsewhere.
	set func(text string) error
	get func() string
	// fromVariable takes the variable's text over, where that is read otherwise
	// than the flag's.
	fromVariable func(text string) error
	// isSwitch is true for a flag that may stand without a value.
	isSwitch bool
	// first says that the variable counts before the flag.
	first bool
	// hidden is a secret, or holds one.
	hidden bool
}

// String, Set and IsBoolFlag make a field the value of a flag.
func (f *field) String() string {
	if f.get == nil {
		return ""
	}
	return f.get()
}

// Set takes over what was given to the flag.
func (f *field) Set(text string) error { return f.set(text) }

// IsBoolFlag reports whether the flag may stand without a value.
func (f *field) IsBoolFlag() bool { return f.isSwitch }

// define makes flags of those fields that have one.
func define(fields []field, flags *flag.FlagSet) {
	for i := range fields {
		if f := &fields[i]; f.Flag != "" {
			flags.Var(f, f.Flag, strings.ReplaceAll(f.Doc, "`", "")) // In quotes, it would name a value.
		}
	}
}

// takeDefaults brings all fields to their defaults.
func takeDefaults(fields []field) error {
	var errs []error
	for _, f := range fields {
		if f.set != nil && f.Value != "" {
			if err := f.set(f.Value); err != nil {
				errs = append(errs, fmt.Errorf("the default of %s: %w", f.Name(), err))
			}
		}
	}
	return errors.Join(errs...)
}

// takeVariables takes over the variables that are set: those that count before
// flags, or those that do not. An empty one counts as not set.
func takeVariables(fields []field, env Env, first bool) error {
	var errs []error
	for _, f := range fields {
		if f.first != first || f.set == nil {
			continue
		}
		text := env.or(f.Variable, "")
		if f.Variable == "" || text == "" {
			continue
		}
		set := f.set
		if f.fromVariable != nil {
			set = f.fromVariable
		}
		if err := set(text); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Variable, err))
		}
	}
	return errors.Join(errs...)
}

func text[T ~string](to *T, s setting.Setting) field {
	return field{Setting: s,
		set: func(text string) error { *to = T(text); return nil },
		get: func() string { return string(*to) },
	}
}

// upper is text in capitals.
func upper(to *string, s setting.Setting) field {
	f := text(to, s)
	f.set = func(text string) error { *to = strings.ToUpper(text); return nil }
	return f
}

// secret is text that is not shown.
func secret[T ~string](to *T, s setting.Setting) field {
	f := text(to, s)
	f.hidden = true
	return f
}

func number[T int | int64](to *T, s setting.Setting) field {
	return field{Setting: s,
		set: func(text string) error {
			n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64)
			if err != nil || int64(T(n)) != n {
				return fmt.Errorf("%q is not a whole number", text)
			}
			*to = T(n)
			return nil
		},
		get: func() string { return strconv.FormatInt(int64(*to), 10) },
	}
}

func duration(to *time.Duration, s setting.Setting) field {
	return field{Setting: s,
		set: func(text string) error {
			d, err := time.ParseDuration(text)
			if err != nil {
				return fmt.Errorf("%q is not a duration such as 10s", text)
			}
			*to = d
			return nil
		},
		get: func() string { return to.String() },
	}
}

// truth is true or false. A variable says true by that word, and anything else
// means false.
func truth(to *bool, s setting.Setting) field {
	return field{Setting: s, isSwitch: true,
		set: func(text string) error {
			b, err := strconv.ParseBool(text)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", text)
			}
			*to = b
			return nil
		},
		get:          func() string { return strconv.FormatBool(*to) },
		fromVariable: func(text string) error { *to = strings.EqualFold(text, "true"); return nil },
	}
}

// mention is true where anything is said.
func mention(to *bool, s setting.Setting) field {
	return field{Setting: s,
		set: func(string) error { *to = true; return nil },
		get: func() string { return strconv.FormatBool(*to) },
	}
}

// shownAs is a field of which a part is not shown.
func shownAs(show func(string) string, f field) field {
	get := f.get
	f.get = func() string { return show(get()) }
	return f
}

// before lets the variable of a field count before its flag. Its text is
// judged, unlike that of other variables.
func before(f field) field {
	f.first = true
	f.fromVariable = func(text string) error { return f.set(strings.ToLower(strings.TrimSpace(text))) }
	return f
}

// accepted is a flag without effect.
func accepted(s setting.Setting) field {
	var ignored string
	s.Doc = "accepted, without effect"
	return text(&ignored, s)
}

// elsewhere is a variable that is read by [Tracing], which warns of what is wrong
// instead of refusing to serve, or by a library.
func elsewhere(s setting.Setting) field {
	return field{Setting: s, get: func() string { return s.Value }}
}

// inForce is the setting with the value that counts.
func (f *field) inForce(env Env) setting.Setting {
	s := f.Setting
	if f.set == nil {
		s.Value = env.or(s.Variable, s.Value)
	} else {
		s.Value = f.get()
	}
	if f.hidden {
		s.Value = hidden(s.Value)
	}
	return s
}

// Settings lists all that the executor can be told, with defaults.
func Settings() []setting.Setting {
	fields := new(Config).fields(&source{})
	all := make([]setting.Setting, len(fields))
	for i, f := range fields {
		all[i] = f.Setting
	}
	return all
}
