// Package openapi describes a deployment's REST interface: a document made
// from its graph and from what its models say of themselves, and the page that
// shows it.
package openapi

import (
	"encoding/json"
	"slices"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
)

// Graph is what is known of a predictor at this moment.
type Graph struct {
	// Protocol is that of the clients.
	Protocol *protocol.Protocol
	// Nodes are in depth-first order, the root first.
	Nodes []Node
	// Inputs and Outputs are the places in Nodes of those whose inputs and
	// outputs are the graph's.
	Inputs, Outputs int
	// Request is a request that works, if somebody gave one.
	Request json.RawMessage
	// Repository are the actions on the repositories of servers that clients may take.
	Repository []protocol.Action
	// Shares are all predictors of the deployment; none: not known.
	Shares []Share
}

// Node is one node of a graph.
type Node struct {
	Name string
	// Depth is 0 for the root.
	Depth int
	// Type is how the user called it, such as "MODEL, SKLEARN_SERVER".
	Type string
	// Speaks is the protocol of the node's server; empty: it has none.
	Speaks string
	// Foreign is true if the server does not speak the clients' protocol.
	Foreign bool
	// Asked is true if requests go to the server. Routes is true if the node
	// chooses among its children.
	Asked, Routes bool
	// Columns is true if each column of a table is an input of its own.
	Columns bool
	// Answered is true if the server answered the question for metadata; Mute is
	// true if it answered that it has none.
	Answered, Mute bool
	// Versions are the versions of the model. They are nil where the server does
	// not list them.
	Versions []string
	// Signatures are the ways to call the model: the preferred one first, none
	// where the server does not tell.
	Signatures []Signature
	// Learned is true if the signatures come from [Hints] and not from the server.
	Learned bool
}

// Signature is the tensors that go in and come out.
type Signature struct {
	// Name and Method are TensorFlow's; empty elsewhere, and empty for what a
	// request gets that names no signature.
	Name, Method    string
	Inputs, Outputs []Tensor
}

// Tensor describes an input or output.
type Tensor struct {
	translate.TensorSpec
	// Message is the kind of a seldon message that a component asked for:
	// tensor, ndarray, strData, jsonData and so on. Columns are the names that
	// it gave to the columns, Schema is its JSON schema of jsonData.
	Message string
	Columns []string
	Schema  json.RawMessage
	// Row is a row that the model takes; nil: not known. Frame is true if the
	// model takes no row without the names of its columns.
	Row   []json.RawMessage
	Frame bool
	// Table is the parameter of which this is a column; empty: it is no column of a
	// parameter. Optional is true if a request may leave it out. File is true if it is
	// bytes of any kind, and Image if these are a picture.
	Table       string
	Optional    bool
	File, Image bool
}

// Names are what a deployment is called.
type Names struct{ Deployment, Namespace, Predictor string }

// Document is an OpenAPI 3.0 document.
type Document struct{ root object }

// JSON writes the document as JSON.
func (d Document) JSON() []byte { return append(appendJSON(nil, d.root, ""), '\n') }

// YAML writes it as YAML.
func (d Document) YAML() []byte { return appendYAML(nil, d.root, "") }

// New makes a document. Server is the way from the document's address to
// where the paths begin, such as "../..".
func New(n Names, g *Graph, server string) Document {
	withinReason(g)
	b := &builder{names: n, graph: g, words: wordsOf(g.Protocol.Name), ids: map[string]bool{}}
	b.model, b.single = b.requestModel()
	b.input = b.inputSignatures()
	for _, s := range b.input {
		s.Inputs = shortened(wanted(s.Inputs))
		b.example = append(b.example, s)
	}
	b.requests = b.words.requests(b)
	if g.Request != nil {
		b.requests = append([]example{{"request", "the request that was given as an example", raw(g.Request)}}, b.requests...)
	}
	if !b.echoes() {
		b.answers = b.words.answers(b)
	}
	operations := b.operations()
	components := object{
		{"schemas", b.words.schemas(b)},
		{"examples", b.examples()},
		{"requestBodies", b.bodies()},
		{"parameters", b.parameters()},
		{"headers", object{{"Puid", puidHeader()}}},
		{"responses", b.responses()},
	}
	return Document{object{
		{"openapi", "3.0.3"},
		{"info", object{
			{"title", n.Deployment},
			{"version", b.words.version},
			{"description", b.overview()},
		}},
		{"servers", list{object{{"url", server}, {"description", "this deployment"}}}},
		{"x-call", b.call()},
		{"tags", tags(operations)},
		{"paths", paths(operations)},
		{"components", components},
	}}
}

// builder holds what the parts of a document have in common.
type builder struct {
	names Names
	graph *Graph
	words *words
	// model is the name by which clients ask for a prediction; not single:
	// any of the names may be meant, so that the model is better not named.
	model  string
	single bool
	// input is what the graph takes; none: not known. example is the same in a
	// size that can be in a document.
	input, example    []Signature
	requests, answers []example
	ids               map[string]bool
}

// words are what differs between protocols in a document.
type words struct {
	title, version string
	// schemas are the messages.
	schemas func(b *builder) object
	// predict and answer name the schemas of a request and its answer.
	predict, answer string
	// requests are example requests, the best first, and answers what comes
	// back.
	requests func(b *builder) []example
	answers  func(b *builder) []example
	// predictPath and namelessPath are the paths for a prediction with the
	// name of a model and without.
	predictPath, namelessPath string
}

func wordsOf(protocol string) *words {
	switch protocol {
	case "tensorflow":
		return tensorflowWords()
	case "v2":
		return v2Words()
	}
	return seldonWords()
}

// requestModel finds the model that the path of a prediction names: every node
// that speaks the clients' protocol is asked for that very name.
func (b *builder) requestModel() (name string, single bool) {
	var names []string
	for _, n := range b.graph.Nodes {
		if n.Speaks != "" && !n.Foreign && (n.Asked || n.Routes) {
			names = append(names, n.Name)
		}
	}
	if len(names) > 0 {
		return names[0], len(names) == 1
	}
	// Others are asked for their own, whatever the client says.
	return b.graph.Nodes[b.graph.Inputs].Name, true
}

// inputSignatures are what the graph takes, with what it gives where that is
// the same node's.
func (b *builder) inputSignatures() []Signature {
	return slices.DeleteFunc(slices.Clone(b.graph.Nodes[b.graph.Inputs].Signatures), func(s Signature) bool { return len(s.Inputs) == 0 })
}

// echoes reports whether no server is asked, so that requests come back.
func (b *builder) echoes() bool {
	return !slices.ContainsFunc(b.graph.Nodes, func(n Node) bool { return n.Asked })
}

func (b *builder) inputNode() *Node { return &b.graph.Nodes[b.graph.Inputs] }

// outputs are the tensors that the graph gives for the preferred request.
func (b *builder) outputs() []Tensor {
	if b.graph.Inputs == b.graph.Outputs && len(b.input) > 0 {
		return b.input[0].Outputs
	}
	if s := b.graph.Nodes[b.graph.Outputs].Signatures; len(s) > 0 {
		return s[0].Outputs
	}
	return nil
}

// verbs reports whether TensorFlow's other ways to predict get through:
// answers to them can neither be translated nor sent on.
func (b *builder) verbs() bool {
	asked := 0
	for _, n := range b.graph.Nodes {
		if n.Foreign {
			return false
		}
		if n.Asked || n.Routes {
			asked++
		}
	}
	return asked == 1
}
