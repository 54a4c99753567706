package programs

import (
	"bytes"
	"sync"
)

// Output keeps what a running program prints, and can be read at any time.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write is called by the program's pipes.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String is all that was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
