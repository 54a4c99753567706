package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNotFound is in the chain of errors about what does not exist.
	ErrNotFound = errors.New("not found")
	// ErrDenied is in the chain of errors about missing rights.
	ErrDenied = errors.New("access denied")
	// ErrChanged is in the chain of errors about an object that is no longer
	// what was listed: another listing may help.
	ErrChanged = errors.New("it changed while it was fetched")
)

// permanentError is one that another try would not change.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// Permanent marks an error that another try would not change.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent reports whether another try is of no use.
func IsPermanent(err error) bool { return errors.As(err, new(permanentError)) }

// fault is an error with a sentinel in its chain that its text does not name.
type fault struct {
	error
	class error
}

func (f fault) Unwrap() []error { return []error{f.error, f.class} }

// NotFound marks err as permanent, and about something that does not exist.
func NotFound(err error) error { return Permanent(fault{err, ErrNotFound}) }

// Denied marks err as permanent, and about missing rights.
func Denied(err error) error { return Permanent(fault{err, ErrDenied}) }

// Changed is the error about an object that is no longer what was listed.
func Changed() error { return Permanent(ErrChanged) }

// Policy says how often something is tried.
type Policy struct {
	// Attempts bounds the tries in a row that bring nothing.
	Attempts int
	// Backoff is the pause before the next try, counted from 1.
	Backoff func(attempt int) time.Duration
	// Failed, if not nil, is called with each failure that another try follows, and
	// the pause before that try.
	Failed func(err error, pause time.Duration)
}

// Retry calls try until it succeeds, or another try is of no use. A try that
// got further starts the count again.
func (p Policy) Retry(ctx context.Context, try func() (further bool, err error)) error {
	for attempt := 1; ; attempt++ {
		further, err := try()
		if further {
			attempt = 1
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case IsPermanent(err):
			return err
		case attempt >= p.Attempts:
			return fmt.Errorf("gave up after %d attempts: %w", attempt, err)
		}
		pause := p.Backoff(attempt)
		if p.Failed != nil {
			p.Failed(err, pause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
