package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	// longestLine is where a line without an end is cut.
	longestLine = 64 << 10
	// tailLines is how much of a container's output is shown when it fails.
	tailLines = 12
	// largestLog bounds a container's log file; what comes later is shown
	// but not kept.
	largestLog = 64 << 20
)

// output takes what a container prints: every line goes to a file, the last
// ones are remembered for messages, and all are shown when show is set.
type output struct {
	prefix  string
	colour  string
	console *console
	show    bool

	mu      sync.Mutex
	file    *os.File
	written int
	partial []byte
	tail    []string
}

// openOutput goes on with the log file of a container.
func openOutput(path, prefix, colour string, console *console, show bool) (*output, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the log folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("creating a log file: %w", err)
	}
	return &output{prefix: prefix, colour: colour, console: console, show: show, file: file}, nil
}

// Write takes output in pieces of any size.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil && o.written < largestLog {
		n, err := o.file.Write(p)
		o.written += n
		if err != nil {
			// A full disk must not stop the container.
			o.file.Close()
			o.file = nil
		}
	}
	rest := p
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			o.partial = append(o.partial, rest...)
			if len(o.partial) >= longestLine {
				o.endLine()
			}
			break
		}
		o.partial = append(o.partial, rest[:end]...)
		o.endLine()
		rest = rest[end+1:]
	}
	return len(p), nil
}

// flush ends a line that the container left open.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.endLine()
	}
}

func (o *output) endLine() {
	text := string(bytes.TrimRight(o.partial, "\r"))
	// A progress bar rewrites its line; its last state is what counts.
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	o.partial = o.partial[:0]
	if len(o.tail) == tailLines {
		copy(o.tail, o.tail[1:])
		o.tail = o.tail[:tailLines-1]
	}
	o.tail = append(o.tail, text)
	if o.show {
		o.console.line(o.prefix, o.colour, text)
	}
}

// last returns the last lines, indented, or an empty string, and forgets
// them, so that the next failure shows its own.
func (o *output) last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for _, line := range o.tail {
		b.WriteString("\n    ")
		b.WriteString(line)
	}
	o.tail = o.tail[:0]
	return b.String()
}

func (o *output) close() {
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}
