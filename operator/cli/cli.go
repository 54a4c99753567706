// Package cli holds the commands of the program radiant, one in the file of its
// name, and what they share: reading deployments, and the settings of an
// installation.
package cli

import (
	"errors"
	"fmt"
)

// ExitCode is the error of a command that has said all that there is to say and
// ends the program with a status of its own.
type ExitCode int

// Error implements error.
func (c ExitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// ErrReported is the error of a command whose problems were printed already.
var ErrReported = errors.New("problems were found")
