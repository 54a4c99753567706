package process

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
	// TailLines is how much of a container's output is shown when it fails.
	TailLines = 12
	// largestLog bounds a container's log file; what comes later is shown
	// but not kept.
	largestLog = 64 << 20
)

// Output takes what a container prints: every line goes to a file, some are
// remembered for messages, and all are shown where that is wanted.
type Output struct {
	path string
	// show, if not nil, gets each line without its end.
	show func(line string)
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

// OpenOutput goes on with the log file of a container. Each line, without its
// end, is given to show unless that is nil. A server's lines about requests to
// the paths of probes are not remembered for messages.
func OpenOutput(path string, show func(line string), probes []string) (*Output, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("creating the log folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("creating a log file: %w", err)
	}
	return &Output{path: path, show: show, probes: probes, file: file}, nil
}

// Write takes output in pieces of any size.
func (o *Output) Write(p []byte) (int, error) {
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

// Flush ends a line that the container left open.
func (o *Output) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.endLine()
	}
}

func (o *Output) endLine() {
	text := string(bytes.TrimRight(o.partial, "\r"))
	// A progress bar rewrites its line; its last state is what counts.
	if i := strings.LastIndexByte(text, '\r'); i >= 0 {
		text = text[i+1:]
	}
	o.partial = o.partial[:0]
	o.remember(text)
	if o.show != nil {
		o.show(text)
	}
}

// remember keeps what messages may quote. The caller holds mu.
func (o *Output) remember(line string) {
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
	if len(m.tail) == TailLines {
		copy(m.tail, m.tail[1:])
		m.tail = m.tail[:TailLines-1]
	}
	m.tail = append(m.tail, line)
}

// Forget is called when the container starts: what it said before is of no
// use after its next failure.
func (o *Output) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.memory = memory{}
}

// Quote returns, indented, the lines that tell best why the container failed,
// unless they have been shown, and where the whole log is.
func (o *Output) Quote() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []string
	switch m := &o.memory; {
	case o.show != nil:
	case m.firstError != "":
		lines = slices.Compact([]string{m.firstError, m.lastError})
	default:
		lines = m.tail
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n    " + line)
	}
	return b.String() + o.Where()
}

// Where says where the log is, on a line of its own.
func (o *Output) Where() string { return "\n    log: " + o.path }

// Message is the line that says most about the last failure, or an empty
// string.
func (o *Output) Message() string {
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

// Close ends the log file; what is printed later is only shown.
func (o *Output) Close() {
	o.Flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}
