package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOutputIsPrefixedKeptAndRemembered(t *testing.T) {
	s := newScreen()
	path := filepath.Join(t.TempDir(), "logs", "x.log")
	o, err := openOutput(path, "main/clf", "36", &console{out: s}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"one\ntw", "o\r\n", "10%\r50%\r100%\n", "no end"} {
		if n, err := o.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}
	o.flush()
	if got, want := s.String(), "main/clf | one\nmain/clf | two\nmain/clf | 100%\nmain/clf | no end\n"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	if got, want := o.last(), "\n    one\n    two\n    100%\n    no end"; got != want {
		t.Errorf("last lines %q, want %q", got, want)
	}
	if got := o.last(); got != "" {
		t.Errorf("last lines once more: %q", got)
	}
	o.Write([]byte(strings.Repeat("line\n", 3*tailLines)))
	if got := strings.Count(o.last(), "line"); got != tailLines {
		t.Errorf("%d lines are remembered, want %d", got, tailLines)
	}
	o.Write([]byte(strings.Repeat("x", 3*longestLine)))
	if len(o.partial) >= longestLine {
		t.Errorf("%d bytes wait for the end of the line", len(o.partial))
	}
	o.close()
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "one\ntwo\r\n10%\r50%\r100%\nno end") {
		t.Errorf("log file %.60q, %v", text, err)
	}
}

func TestTheConsole(t *testing.T) {
	s := newScreen()
	c := &console{out: s, terminal: true}
	c.progress("1 of %d", 9)
	c.progress("2 of %d", 9)
	c.line("a", "36", "text")
	c.progress("3 of %d", 9)
	c.say("done")
	want := "1 of 9\r\x1b[K2 of 9\r\x1b[K\x1b[36ma |\x1b[0m text\n3 of 9\r\x1b[Kdone\n"
	if got := s.String(); got != want {
		t.Errorf("on a terminal %q, want %q", got, want)
	}
	s = newScreen()
	c = &console{out: s}
	c.progress("1 of %d", 9)
	c.progress("2 of %d", 9)
	c.line("a", "36", "text")
	if got, want := s.String(), "1 of 9\na | text\n"; got != want {
		t.Errorf("in a file %q, want %q", got, want)
	}
}
