package policy

import (
	"fmt"
	"runtime/debug"
)

// Panicked is the failure of what has panicked on a goroutine of its own. Its text is
// for clients, its stack for the log.
type Panicked struct {
	value any
	stack []byte
}

// Recovered is what was recovered, with the stack of where. It is to be called by
// whoever recovers.
func Recovered(value any) *Panicked { return &Panicked{value, debug.Stack()} }

func (p *Panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// Stack is where it panicked.
func (p *Panicked) Stack() string { return string(p.stack) }
