package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// Headers that a record on the error topic has besides its own.
const (
	// errorHeader says what went wrong, and codeHeader what a client of the
	// listener would have got: a status of HTTP, or the name of a code of gRPC.
	errorHeader = "Radiant-Error"
	codeHeader  = "Radiant-Error-Code"
	// nodeHeader names the node, if it was one.
	nodeHeader = "Radiant-Error-Node"
	// positionHeader is topic/partition/offset.
	positionHeader = "Radiant-Source"
)

// ours are written anew.
var ours = [...]string{puidHeader, errorHeader, codeHeader, nodeHeader, positionHeader}

// failed is the record that tells of an error: the one that failed with its
// own headers, and with what happened.
func failed(topic string, in *kgo.Record, puid string, t protocol.Transport, err error) *kgo.Record {
	out := &kgo.Record{Topic: topic, Key: in.Key, Value: in.Value}
	said := []kgo.RecordHeader{
		text(puidHeader, puid), text(errorHeader, protocol.Text(err)), text(codeHeader, code(t, err)), text(positionHeader, position(in)),
	}
	var e *protocol.Error
	if errors.As(err, &e) && e.Node() != "" {
		said = append(said, text(nodeHeader, e.Node()))
	}
	for _, h := range in.Headers {
		// A record that was read back from the error topic tells of the last
		// error only.
		if !slices.ContainsFunc(ours[:], func(name string) bool { return strings.EqualFold(name, h.Key) }) {
			out.Headers = append(out.Headers, h)
		}
	}
	out.Headers = append(out.Headers, said...)
	return out
}

func position(r *kgo.Record) string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset) }

// code is the status that a client of this transport would get for err.
func code(t protocol.Transport, err error) string {
	if t == protocol.GRPC {
		return grpcCode(err).String()
	}
	return strconv.Itoa(httpStatus(err))
}

func httpStatus(err error) int {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		return refusal.Status
	}
	return protocol.CodeOf(err).HTTP()
}

func grpcCode(err error) codes.Code {
	if s, ok := protocol.StatusOf(err); ok {
		return s.Code()
	}
	return protocol.CodeOf(err).GRPC()
}

// passing reports whether a fault is a node that is not there, which may come
// back.
func passing(err error) bool { return protocol.CodeOf(err) == protocol.Unreachable }
