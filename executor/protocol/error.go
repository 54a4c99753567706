package protocol

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/graph"
)

// Code is the kind of a fault: set where it enters, turned into a status of
// HTTP or gRPC where it leaves.
type Code uint8

// The codes.
const (
	// Internal is a fault of the executor or of the graph.
	Internal Code = iota
	// Invalid is a message of the client's that cannot be read.
	Invalid
	// UnsupportedType is a message in a form that cannot be read here.
	UnsupportedType
	// TooLarge is a message over the limit.
	TooLarge
	// NotFound is a model or node that is not there.
	NotFound
	// Unimplemented is a call that the protocol does not have.
	Unimplemented
	// Unreachable is a node that does not answer.
	Unreachable
	// Timeout is a call that took longer than allowed.
	Timeout
	// Canceled is a client that went away.
	Canceled
	// Busy is a call that found no place.
	Busy
	// BadAnswer is an answer of a node that cannot be used.
	BadAnswer
)

// statusClientClosed is what nginx logs for a client that went away; nobody
// is left to read it.
const statusClientClosed = 499

// statuses is the one table from codes to what clients see. A node out of
// reach or too slow is 500 over REST, as Seldon Core's clients expect.
var statuses = [...]struct {
	http int
	grpc codes.Code
}{
	Internal:        {http.StatusInternalServerError, codes.Internal},
	Invalid:         {http.StatusBadRequest, codes.InvalidArgument},
	UnsupportedType: {http.StatusUnsupportedMediaType, codes.InvalidArgument},
	TooLarge:        {http.StatusRequestEntityTooLarge, codes.ResourceExhausted},
	NotFound:        {http.StatusNotFound, codes.NotFound},
	Unimplemented:   {http.StatusNotImplemented, codes.Unimplemented},
	Unreachable:     {http.StatusInternalServerError, codes.Unavailable},
	Timeout:         {http.StatusInternalServerError, codes.DeadlineExceeded},
	Canceled:        {statusClientClosed, codes.Canceled},
	Busy:            {http.StatusTooManyRequests, codes.ResourceExhausted},
	BadAnswer:       {http.StatusInternalServerError, codes.Internal},
}

// HTTP is the code as a status of HTTP.
func (c Code) HTTP() int { return statuses[c].http }

// GRPC is the code as a status of gRPC.
func (c Code) GRPC() codes.Code { return statuses[c].grpc }

// Error is a fault with its place.
type Error struct {
	Code Code
	// Node and Call say where; empty if it was no node's doing.
	Node, Call string
	Err        error
}

func (e *Error) Error() string {
	switch {
	case e.Node == "":
		return e.Err.Error()
	case e.Call == "":
		return "node " + strconv.Quote(e.Node) + ": " + e.Err.Error()
	}
	return "node " + strconv.Quote(e.Node) + ": " + e.Call + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error that belongs to no node.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// CodeOf returns the code of err, or of what it wraps.
func CodeOf(err error) Code {
	var e *Error
	var route *graph.RouteError
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.As(err, &route):
		return BadAnswer
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Internal
}

// mostTold bounds the text of an error.
const mostTold = 2000

// Text is what is told of err: its message, cut in the middle where it quotes
// much of what a client or a node has sent, such as a number of a million
// digits.
func Text(err error) string {
	text := err.Error()
	if len(text) <= mostTold {
		return text
	}
	const half = mostTold / 2
	return strings.ToValidUTF8(text[:half]+" ... "+text[len(text)-half:], "\ufffd")
}

// Refusal is a node's answer with a status other than 200, which goes to the
// client as it is.
type Refusal struct {
	Status int
	// RetryAfter is what the node asks to be waited; 0: it does not ask.
	RetryAfter time.Duration
	Message
}

func (e *Refusal) Error() string {
	const shown = 300
	body := e.Body
	if len(body) > shown {
		body = body[:shown]
	}
	return fmt.Sprintf("status %d: %s", e.Status, body)
}
