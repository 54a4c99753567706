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
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/executor/message"
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
	// TooSlow is a message that comes too slowly.
	TooSlow
	// Forbidden is a call that the settings do not allow.
	Forbidden
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
	// Busy is a call that found no slot.
	Busy
	// Crowded is a request that waited in vain for its turn, and of which nothing
	// was done.
	Crowded
	// Exhausted is a message that found no memory.
	Exhausted
	// BadAnswer is an answer of a node that cannot be used.
	BadAnswer
	// Refused is a node's answer that says that the node failed.
	Refused
	// Declined is a node's answer that says that the node is well, and that the
	// message was none for it.
	Declined
	// NotNow is a node's answer that says that it has done nothing, and may be
	// asked again.
	NotNow
)

// statusClientClosed is what nginx logs for a client that went away; nobody
// is left to read it.
const statusClientClosed = 499

// statuses is the one table from codes to what clients see. A node out of
// reach or too slow is 500 over REST, as Seldon Core's clients expect. What a
// node itself answered goes to the client as it came ([Refusal], [StatusOf])
// and needs a row for the other transport alone.
var statuses = [...]struct {
	http int
	grpc codes.Code
	word string
}{
	Internal:        {http.StatusInternalServerError, codes.Internal, "internal"},
	Invalid:         {http.StatusBadRequest, codes.InvalidArgument, "invalid"},
	UnsupportedType: {http.StatusUnsupportedMediaType, codes.InvalidArgument, "unsupported_type"},
	TooLarge:        {http.StatusRequestEntityTooLarge, codes.ResourceExhausted, "too_large"},
	TooSlow:         {http.StatusRequestTimeout, codes.DeadlineExceeded, "too_slow"},
	Forbidden:       {http.StatusForbidden, codes.PermissionDenied, "forbidden"},
	NotFound:        {http.StatusNotFound, codes.NotFound, "not_found"},
	Unimplemented:   {http.StatusNotImplemented, codes.Unimplemented, "unimplemented"},
	Unreachable:     {http.StatusInternalServerError, codes.Unavailable, "unreachable"},
	Timeout:         {http.StatusInternalServerError, codes.DeadlineExceeded, "timeout"},
	Canceled:        {statusClientClosed, codes.Canceled, "canceled"},
	Busy:            {http.StatusTooManyRequests, codes.ResourceExhausted, "busy"},
	Crowded:         {http.StatusServiceUnavailable, codes.Unavailable, "crowded"},
	Exhausted:       {http.StatusServiceUnavailable, codes.ResourceExhausted, "exhausted"},
	BadAnswer:       {http.StatusInternalServerError, codes.Internal, "bad_answer"},
	Refused:         {http.StatusInternalServerError, codes.Internal, "refused"},
	Declined:        {http.StatusInternalServerError, codes.Internal, "declined"},
	NotNow:          {http.StatusInternalServerError, codes.Internal, "not_now"},
}

// HTTP is the code as a status of HTTP.
func (c Code) HTTP() int { return statuses[c].http }

// GRPC is the code as a status of gRPC.
func (c Code) GRPC() codes.Code { return statuses[c].grpc }

// Later reports whether the same request may well be answered a little later.
func (c Code) Later() bool { return c == Busy || c == Crowded || c == Exhausted }

// String is the code in a word, as logs and metrics call it.
func (c Code) String() string { return statuses[c].word }

// Error is a fault with its code and its node. It does not change once it is
// made.
type Error struct {
	code Code
	// node and call say where; empty if it was no node's doing.
	node, call string
	after      time.Duration
	err        error
}

// Coded gives an error its code, where it enters. It belongs to no node yet.
func Coded(code Code, err error) *Error { return &Error{code: code, err: err} }

// Errorf makes an error that belongs to no node yet.
func Errorf(code Code, format string, args ...any) *Error {
	return Coded(code, fmt.Errorf(format, args...))
}

// After is the error of a node that asks not to be called again before the
// time has passed.
func (e *Error) After(d time.Duration) *Error {
	asked := *e
	asked.after = d
	return &asked
}

// Instead is the same fault, told by another error.
func (e *Error) Instead(err error) *Error {
	told := *e
	told.err = err
	return &told
}

// AtNode says that err happened at a call on a node, unless it says already
// where it happened. An error without a code gets that of [CodeOf]; nil stays
// nil.
func AtNode(err error, node, call string) error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case !errors.As(err, &e):
		return &Error{code: CodeOf(err), node: node, call: call, err: err}
	case e.node != "":
		return err
	}
	at := Error{code: e.code, node: node, call: call, after: e.after, err: err}
	if bare, ok := err.(*Error); ok { //nolint:errorlint // what wraps it has words of its own
		at.err = bare.err
	}
	return &at
}

func (e *Error) Error() string {
	switch {
	case e.node == "":
		return e.err.Error()
	case e.call == "":
		return "node " + strconv.Quote(e.node) + ": " + e.err.Error()
	}
	return "node " + strconv.Quote(e.node) + ": " + e.call + ": " + e.err.Error()
}

// Unwrap returns the error without its code and node.
func (e *Error) Unwrap() error { return e.err }

// Node is the name of the node at which it happened; empty: at none.
func (e *Error) Node() string { return e.node }

// Where tells at which node err happened, and at which call on it; both are empty
// if it was no node's doing. Unlike the text of err they quote nothing that a
// node answered.
func Where(err error) (node, call string) {
	var e *Error
	if errors.As(err, &e) {
		return e.node, e.call
	}
	return "", ""
}

// CodeOf returns the code of err, or of what it wraps.
func CodeOf(err error) Code {
	var e *Error
	var route *graph.RouteError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &route):
		return BadAnswer
	case errors.Is(err, message.ErrFull):
		return Exhausted
	case errors.Is(err, message.ErrTooLarge), errors.Is(err, message.ErrNever):
		return TooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Internal
}

// RetryAfter is what the node that failed with err asks to be waited before it
// is called again; 0: it does not ask.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.after
	}
	return 0
}

// OfClient reports whether a code of gRPC says that the client is at fault, as the
// statuses of HTTP from 400 to 499 do.
func OfClient(c codes.Code) bool {
	switch c {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.FailedPrecondition, codes.OutOfRange, codes.Unauthenticated:
		return true
	}
	return false
}

// StatusOf returns the status that a node answered over gRPC, or that stands
// there for no answer.
func StatusOf(err error) (s *status.Status, ok bool) {
	var told interface{ GRPCStatus() *status.Status }
	if errors.As(err, &told) {
		return told.GRPCStatus(), true
	}
	return nil, false
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

// Refusal is a node's answer over REST with a status other than 200, which
// goes to the client as it is.
type Refusal struct {
	Status int
	message.Message
}

func (e *Refusal) Error() string {
	const shown = 300
	body := e.Body
	if len(body) > shown {
		body = body[:shown]
	}
	return fmt.Sprintf("status %d: %s", e.Status, body)
}
