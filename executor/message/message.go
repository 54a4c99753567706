// Package message is a request or an answer on its way, and the buffers that its
// bytes are in. It does not know what the bytes say.
package message

import (
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/grpc/mem"
)

// Message is one request or answer on its way, as received. It has one owner
// until a fan-out, and is read-only afterwards. Its bytes belong to the
// request's [Lease].
type Message struct {
	Body []byte
	// Parts is the body of a large gRPC message in the pieces in which it came;
	// Body is nil then. See [Message.Whole].
	Parts mem.BufferSlice
	// Tail goes behind Body on the wire; it lets a field be set in a gRPC
	// message of any size without copying it.
	Tail []byte
	// Type and Encoding are Content-Type and Content-Encoding; empty over gRPC.
	Type, Encoding string
	// JSONLength is the Inference-Header-Content-Length of a v2 message with
	// raw tensors behind its JSON; 0: there are none.
	JSONLength int
	// Answer is true for what a node has answered, false for what the client
	// sent.
	Answer bool
	// Header is that of a node's answer, over gRPC its initial metadata, and
	// Trailer the trailing metadata; of them, what settings let through reaches
	// the client.
	Header, Trailer map[string][]string
	// Meta belongs to the request as a whole.
	Meta *Meta
}

// Whole returns the message with its body in one piece, for who reads it. That
// costs a copy of a message in parts, or with a tail.
func (m Message) Whole() Message {
	if m.Parts != nil {
		m.Body, m.Parts = m.Parts.Materialize(), nil
	}
	if len(m.Tail) > 0 {
		m.Body, m.Tail = slices.Concat(m.Body, m.Tail), nil
	}
	return m
}

// Pieces is the message as it goes over the wire, in the pieces that it is in.
func (m Message) Pieces() [][]byte {
	if m.Parts == nil {
		return [][]byte{m.Body, m.Tail}
	}
	all := make([][]byte, 0, len(m.Parts)+2)
	for _, p := range m.Parts {
		all = append(all, p.ReadOnlyData())
	}
	return append(all, m.Body, m.Tail)
}

// SetJSONLength reads the value of Inference-Header-Content-Length. It counts
// bytes before they are compressed, so that of a compressed message the length
// is not known to fit.
func (m *Message) SetJSONLength(text string) error {
	n, err := strconv.Atoi(text)
	compressed := m.Encoding != "" && m.Encoding != "identity"
	if err != nil || n < 0 || n > len(m.Body) && !compressed {
		return fmt.Errorf("it is %q with %d bytes", text, len(m.Body))
	}
	m.JSONLength = n
	return nil
}

// Meta is what a request carries besides its message. But for Route and Version it is not
// changed once the walk has begun.
type Meta struct {
	// Header is handed on to every node over REST. The client's Content-Type and
	// Content-Encoding are in it and hold for a message that has the same.
	Header *Header
	// Puid identifies the request.
	Puid string
	// Model is what the client asked for by name; often empty.
	Model Model
	// Outputs is what the client asks the answer of a graph of several nodes to
	// hold, as its protocol writes it; nil: it does not say.
	Outputs []byte
	// Timeouts names the headers in which the client said how long it waits;
	// nodes are told what is left in the same.
	Timeouts []string
	// Gzip is true if the client takes answers that are compressed so.
	Gzip bool
	// Notes are what built-in nodes keep of the request for their own later calls,
	// by the index of their step. Each writes its own entry, and no other. nil: no
	// node keeps any. They go over no wire.
	Notes []any
	// Route is where routers sent the request, written when the walk has ended,
	// in the words of the header Seldon-Route; empty: nobody asked, or none chose.
	Route string
	// Versions is which versions of models the client asks for, and which answered;
	// nil: nobody asks.
	Versions *Versions
	// AskedVersion is what the client asks for in metadata of gRPC, in the words of the
	// header Seldon-Model-Version, which it is over REST.
	AskedVersion string
	// Version is which versions answered, written when the walk has ended, in the words
	// of the header Seldon-Model-Version; empty: not known.
	Version string
	// Unlogged is true if the client wants no payload of the request logged.
	Unlogged bool
	// Limit is the size up to which a compressed message is unpacked.
	Limit int64
	// Lease owns the buffers.
	Lease *Lease
}

// Model is what a call asks of a server.
type Model struct {
	// Name is the model's. Version is the one that is meant, Label a name that
	// its server has for one; both may be empty.
	Name, Version, Label string
	// Verb is what to do with it where that is not the protocol's ordinary
	// prediction, such as "classify".
	Verb string
}
