// Package protocol says what differs between the wire protocols: operations,
// method names, paths of a node's server, how a failure is written. It deals
// in bytes and names; it opens no connection.
package protocol

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// Transport is how a request came in and how nodes are called for it.
type Transport uint8

// The transports. They never mix within one request.
const (
	REST Transport = iota
	GRPC
)

func (t Transport) String() string {
	if t == GRPC {
		return "gRPC"
	}
	return "REST"
}

// Protocol is one wire protocol, outside and at a node's server: a row of
// [All]. A row gives every field, but for those whose comment says what it
// means to leave them out; functions are never nil. A test holds the rows to
// this.
type Protocol struct {
	Name string
	// Synonyms are further names; none is fine.
	Synonyms []string
	// Operations are served to clients over REST, Methods over gRPC.
	Operations []Operation
	Methods    []Method
	// Docs are the folders, without a slash at the end, in which a page shows
	// the OpenAPI document, and Document is the document's name there, without
	// extension.
	Docs     []string
	Document string
	// Dialects are the protocol over each transport.
	Dialects [2]Dialect
	// Failure writes the body of a REST answer with this status.
	Failure func(status int, info string) []byte
	// FailureText finds the message in a failure that a server answered; empty:
	// it has none.
	FailureText func(body []byte) string
	// Health is the path that a full health check asks. Empty: TCP only.
	Health string
	// Describes is true if servers tell the names and types of their tensors.
	Describes bool
	// Feedback is true if servers of this protocol take feedback, which they do
	// over both transports or over none.
	Feedback bool
	// Versions is nil where servers do not tell which versions of a model they have.
	Versions *Inventory
	// Named is true if clients name the model they ask for, and such a name
	// goes to every node that speaks the same protocol.
	Named bool
	// RESTOnly is true if servers speak it over REST alone, whatever the transport of
	// the request: both dialects are that one then.
	RESTOnly bool
	// Routed is true if a server tells at which path it takes predictions; it stands
	// where other protocols have the model's name.
	Routed bool
}

// Dialect is a protocol over one transport. All is given but for Up, Name and Repository.
type Dialect struct {
	// Form is how requests and answers are written.
	Form translate.Form
	// Target returns the path or full gRPC method at which a server takes a
	// call; empty: the protocol has no such call. Every protocol can predict,
	// transform and route.
	Target func(c graph.Call, m message.Model) string
	// Query returns where a server tells about itself, and what to send; over
	// REST it is asked by GET and nothing is sent. Empty: servers do not tell.
	// All tell their metadata.
	Query func(q Query, m message.Model) (target string, body []byte)
	// Repository returns where a server is asked for its models, or is told to load one,
	// by [RepositoryIndex] and its neighbours. Nil: servers are not told.
	Repository func(a Action, model string) (target string)
	// Extensions is where a server tells which extensions of the protocol it
	// knows, asked by GET. Empty: nowhere.
	Extensions string
	// Describe writes metadata, and Up a good status, of a model whose server
	// speaks another protocol. Up is nil where Query has no status, and there
	// alone.
	Describe func(d Description) ([]byte, error)
	Up       func(model string) ([]byte, error)
	// Name is the way to the field of a request that names the model, by
	// field numbers. Empty: requests do not name it, as over REST and where the
	// protocol is not Named.
	Name []protowire.Number
	// Version is the way to the field that names a version of the model, Label to
	// that of a name for one, and Answered to the version in an answer. Each is
	// empty where there is none.
	Version, Label, Answered []protowire.Number
}

// Query is a question about a node's server itself.
type Query uint8

// The queries.
const (
	QueryStatus Query = iota
	QueryMetadata
	// QueryConfig and QueryStatistics are Triton's additions to the open
	// inference protocol.
	QueryConfig
	QueryStatistics
)

func (q Query) String() string {
	return [...]string{QueryStatus: "status", QueryMetadata: "metadata", QueryConfig: "config", QueryStatistics: "statistics"}[q]
}

// Action is what a client's request asks of the executor.
type Action uint8

// The actions.
const (
	Live Action = iota
	Ready
	Predict
	Feedback
	Status
	Metadata
	Config
	Statistics
	GraphMetadata
	ServerMetadata
	StreamPredict
	// RepositoryIndex, RepositoryLoad and RepositoryUnload are the extension of the open
	// inference protocol by which servers are told which models to load.
	RepositoryIndex
	RepositoryLoad
	RepositoryUnload
	Docs
)

// Method is a gRPC method that is answered.
type Method struct {
	Service, Name string
	Action        Action
	Verb          string
	// Model is the way to the field of the request that names a model, Version and
	// Label to those that name a version of it; none: there is no such field.
	Model, Version, Label []protowire.Number
	// Field is what the answer to Live or Ready sets to true; in a stream, where
	// an answer is put, and Errors where an error's text is.
	Field, Errors protowire.Number
	// Quiet methods do not send the puid back.
	Quiet bool
}

// Stream is a client's stream of requests. Receive ends with [io.EOF]; it and
// Send may be called at the same time.
type Stream interface {
	// Receive returns the next request. Its lease is for the caller to release.
	Receive() (message.Message, error)
	Send(m message.Message) error
}

// All returns the protocols that clients speak, and servers: the one table of them.
func All() []*Protocol { return []*Protocol{seldon(), tensorflow(), v2()} }

// ofServers are the protocols that servers of nodes speak, and no client does. Of a row
// of these Operations, Methods and Docs are empty, and nothing is described by it.
func ofServers() []*Protocol { return []*Protocol{bentoml()} }

// Lookup finds a protocol of clients by its name or a synonym of it.
func Lookup(name string) (*Protocol, error) { return lookup(name, All()) }

// LookupServer finds a protocol that servers of nodes speak.
func LookupServer(name string) (*Protocol, error) { return lookup(name, append(All(), ofServers()...)) }

func lookup(name string, among []*Protocol) (*Protocol, error) {
	var names []string
	for _, p := range among {
		for _, n := range append([]string{p.Name}, p.Synonyms...) {
			if n == name {
				return p, nil
			}
			names = append(names, n)
		}
	}
	return nil, fmt.Errorf("protocol %q is unknown: want %s", name, strings.Join(names, ", "))
}
