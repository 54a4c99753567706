package local

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// console is where messages go that are for the user's eyes. It is safe for
// concurrent use; a message is never torn by another.
type console struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	// quiet leaves out what is no problem.
	quiet bool
	// status is the unfinished line on a terminal that the next message
	// replaces.
	status bool
	// spoken is when Say last printed a progress message, for outputs that
	// are not a terminal.
	spoken time.Time
}

// progressPause is the time between two progress messages where the output
// is not a terminal, so that a log file stays readable.
const progressPause = 3 * time.Second

// colours are given to containers in turn; all of them can be read on light
// and on dark ground.
var colours = [...]string{"36", "33", "32", "35", "34", "96", "92", "95"}

// Say prints one message of radiant itself: a problem, or that it is over.
func (c *console) Say(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	fmt.Fprintf(c.out, format+"\n", args...)
}

// note is Say for what is no problem.
func (c *console) note(format string, args ...any) {
	if !c.quiet {
		c.Say(format, args...)
	}
}

// news is a console for who has no problems to tell.
type news struct{ *console }

// Say is note.
func (n news) Say(format string, args ...any) { n.note(format, args...) }

// print is note for a text of several lines, printed as it is.
func (c *console) print(text string) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	fmt.Fprint(c.out, text)
}

// Progress shows how far a long work is: in place on a terminal, elsewhere as
// a line every few seconds.
func (c *console) Progress(format string, args ...any) {
	if c.quiet {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.terminal {
		c.clear()
		fmt.Fprintf(c.out, format, args...)
		c.status = true
		return
	}
	if now := time.Now(); now.Sub(c.spoken) >= progressPause {
		c.spoken = now
		fmt.Fprintf(c.out, format+"\n", args...)
	}
}

// line prints a line of a container's output behind its name.
func (c *console) line(prefix, colour, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
	if c.terminal && colour != "" {
		fmt.Fprintf(c.out, "\x1b[%sm%s |\x1b[0m %s\n", colour, prefix, text)
		return
	}
	fmt.Fprintf(c.out, "%s | %s\n", prefix, strings.TrimRight(text, "\r"))
}

// clear removes the status line. The caller holds mu.
func (c *console) clear() {
	if c.status {
		fmt.Fprint(c.out, "\r\x1b[K")
		c.status = false
	}
}
