package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/local/localtest"
)

func TestOutputIsPrefixedKeptAndRemembered(t *testing.T) {
	s := localtest.NewScreen()
	path := filepath.Join(t.TempDir(), "logs", "x.log")
	o, err := OpenOutput(path, func(line string) { fmt.Fprintf(s, "main/clf | %s\n", line) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"one\ntw", "o\r\n", "10%\r50%\r100%\n", "no end"} {
		if n, err := o.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	o.Flush()
	if got, want := s.String(), "main/clf | one\nmain/clf | two\nmain/clf | 100%\nmain/clf | no end\n"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	where := "\n    log: " + path
	if got := o.Quote(); got != where {
		t.Errorf("quoted what was shown: %q", got)
	}
	o.show = nil
	if got, want := o.Quote(), "\n    one\n    two\n    100%\n    no end"+where; got != want {
		t.Errorf("quoted %q, want %q", got, want)
	}
	o.Forget()
	if got := o.Quote(); got != where {
		t.Errorf("quoted once more: %q", got)
	}
	o.Write([]byte(strings.Repeat("line\n", 3*TailLines)))
	if got := strings.Count(o.Quote(), "line"); got != TailLines {
		t.Errorf("%d lines are remembered, want %d", got, TailLines)
	}
	o.Write([]byte(strings.Repeat("x", 3*longestLine)))
	if len(o.partial) >= longestLine {
		t.Errorf("%d bytes wait for the end of the line", len(o.partial))
	}
	o.Close()
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "one\ntwo\r\n10%\r50%\r100%\nno end") {
		t.Errorf("log file %.60q, %v", text, err)
	}
}

func TestQuotesSayWhatHelps(t *testing.T) {
	for name, c := range map[string]struct{ text, quote, message string }{
		"an error of Python": {
			"loading\nTraceback (most recent call last):\n  File \"x.py\", line 1\nValueError: 3 is not 4\n\nbye\n",
			"\n    ValueError: 3 is not 4", "ValueError: 3 is not 4"},
		"the first and the last": {
			"KeyError: 'a'\nDuring handling\nmlserver.errors.InvalidModelURI: Invalid URI\nRuntimeError: no\nend\n",
			"\n    KeyError: 'a'\n    RuntimeError: no", "RuntimeError: no"},
		"no error": {
			"INFO: GET /other\nsegmentation fault\n  \n", "\n    INFO: GET /other\n    segmentation fault\n      ", "segmentation fault"},
		"probes": {
			`INFO: 127.0.0.1 - "GET /v2/health/ready HTTP/1.1" 200 OK` + "\nbye\n" + "GET /v2/health/readyish\n",
			"\n    bye\n    GET /v2/health/readyish", "GET /v2/health/readyish"},
		"nothing": {"", "", ""},
	} {
		path := filepath.Join(t.TempDir(), "log")
		o, err := OpenOutput(path, nil, []string{"/v2/health/ready"})
		if err != nil {
			t.Fatal(err)
		}
		o.Write([]byte(c.text))
		if got, want := o.Quote(), c.quote+"\n    log: "+path; got != want {
			t.Errorf("%s: quoted %q, want %q", name, got, want)
		}
		if got := o.Message(); got != c.message {
			t.Errorf("%s: message %q, want %q", name, got, c.message)
		}
		o.Close()
	}
}
