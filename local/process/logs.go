package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

// output takes what a container prints: every line goes to a file, some are
// remembered for messages, and all are shown when show is set.
type output struct {
	path    string
	prefix  string
	colour  string
	console *console
	show    bool
	// probes are the paths that radiant asks for: a server's lines about them
	// say nothing.
	probes []string

	mu      sync.Mutex
	file    *os.File
	written int
	partial []byte
	memory  memory
}

// memory is what is known of a container's output since its last start.
type memory struct {
	tail []string
	// firstError and lastError are lines that name an error.
	firstError, lastError string
}

// errorLine is how Python and Go end the report of an error: the error's name
// at the start of a line, and what it says.
var errorLine = regexp.MustCompile(`^(([A-Za-z_]\w*\.)*[A-Z]\w*(Error|Exception)|([A-Za-z_]\w*\.)+[A-Z]\w*|panic|fatal error): .`)

// openOutput goes on with the log file of a container.
func openOutput(path, prefix, colour string, console *console, show bool) (*output, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the log folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("creating a log file: %w", err)
	}
	return &output{path: path, prefix: prefix, colour: colour, console: console, show: show, file: file}, nil
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
	o.remember(text)
	if o.show {
		o.console.line(o.prefix, o.colour, text)
	}
}

// remember keeps what messages may quote. The caller holds mu.
func (o *output) remember(line string) {
	if slices.ContainsFunc(o.probes, func(path string) bool {
		_, after, ok := strings.Cut(line, "GET "+path)
		return ok && (after == "" || strings.ContainsAny(after[:1], " \"?"))
	}) {
		return
	}
	m := &o.memory
	if errorLine.MatchString(line) {
		m.lastError = line
		if m.firstError == "" {
			m.firstError = line
		}
	}
	if len(m.tail) == tailLines {
		copy(m.tail, m.tail[1:])
		m.tail = m.tail[:tailLines-1]
	}
	m.tail = append(m.tail, line)
}

// forget is called when the container starts: what it said before is of no
// use after its next failure.
func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.memory = memory{}
}

// quote returns, indented, the lines that tell best why the container failed,
// unless they have been shown, and where the whole log is.
func (o *output) quote() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []string
	switch m := &o.memory; {
	case o.show:
	case m.firstError != "":
		lines = slices.Compact([]string{m.firstError, m.lastError})
	default:
		lines = m.tail
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n    " + line)
	}
	return b.String() + o.where()
}

// where says where the log is, on a line of its own.
func (o *output) where() string { return "\n    log: " + o.path }

// message is the line that says most about the last failure, or an empty
// string.
func (o *output) message() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.memory.lastError != "" {
		return o.memory.lastError
	}
	for _, line := range slices.Backward(o.memory.tail) {
		if strings.TrimSpace(line) != "" {
			return strings.TrimSpace(line)
		}
	}
	return ""
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
