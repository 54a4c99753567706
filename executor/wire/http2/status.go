package http2

import "fmt"

// Status is how a call ended. The zero value is OK.
type Status struct {
	// Code is one of gRPC's, Message its text in UTF-8.
	Code    uint32
	Message string
	// Details is a google.rpc.Status as bytes; nil: there are none.
	Details []byte
}

// The codes of gRPC that are used here.
const (
	canceled          = 1
	unknown           = 2
	deadlineExceeded  = 4
	permissionDenied  = 7
	resourceExhausted = 8
	unimplemented     = 12
	internal          = 13
	unavailable       = 14
	unauthenticated   = 16
)

func statusf(code uint32, format string, args ...any) *Status {
	return &Status{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (s *Status) Error() string { return fmt.Sprintf("code %d: %s", s.Code, s.Message) }
