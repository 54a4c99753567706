package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// What clients of Seldon Core v1 saw of errors, for those that read them.

// failureV1 is an error of the executor's own over REST: status 500 whatever
// the fault, one form of body in all protocols, the bare text of the fault, and
// no word that it is JSON. Limits that v1 did not have keep their status.
func failureV1(err error) (status int, m message.Message) {
	status = http.StatusInternalServerError
	if code := protocol.CodeOf(err).HTTP(); code == http.StatusRequestEntityTooLarge || code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		status = code
	}
	// Text and a number have a JSON form always.
	body, _ := json.Marshal(map[string]any{"status": map[string]any{"code": status, "info": protocol.Text(bare(err)), "status": "FAILURE"}})
	return status, message.Message{Body: body, Type: textType}
}

// refusalV1 is a node's refusal, whose type v1 did not hand on.
func refusalV1(m message.Message) message.Message {
	if m.Encoding == "" && isJSON(m.Type) {
		m.Body = escaped(m.Body)
	}
	m.Type = textType
	if len(m.Body) == 0 {
		m.Type = ""
	}
	return m
}

const textType = "text/plain; charset=utf-8"

// codeV1 is the code of an error of the executor's own over gRPC.
func codeV1(c codes.Code) codes.Code {
	switch c {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.ResourceExhausted:
		return c
	}
	return codes.Unknown
}

// bare is an error without its node.
func bare(err error) error {
	var coded *protocol.Error
	for errors.As(err, &coded) {
		err = coded.Unwrap()
	}
	return err
}
