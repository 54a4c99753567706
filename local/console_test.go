package local

import (
	"testing"

	"github.com/prime-radiant/radiant/local/localtest"
)

func TestTheConsole(t *testing.T) {
	s := localtest.NewScreen()
	c := &console{out: s, terminal: true}
	c.Progress("1 of %d", 9)
	c.Progress("2 of %d", 9)
	c.line("a", "36", "text")
	c.Progress("3 of %d", 9)
	c.Say("done")
	want := "1 of 9\r\x1b[K2 of 9\r\x1b[K\x1b[36ma |\x1b[0m text\n3 of 9\r\x1b[Kdone\n"
	if got := s.String(); got != want {
		t.Errorf("on a terminal %q, want %q", got, want)
	}
	s = localtest.NewScreen()
	c = &console{out: s}
	c.Progress("1 of %d", 9)
	c.Progress("2 of %d", 9)
	c.line("a", "36", "text")
	if got, want := s.String(), "1 of 9\na | text\n"; got != want {
		t.Errorf("in a file %q, want %q", got, want)
	}
}
