package translate

import (
	"fmt"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// Form is a way to write an inference message: a protocol and an encoding.
type Form uint8

// The forms. JSON forms travel over HTTP, the others over gRPC. V2JSON
// includes the binary tensor extension, see [message.Message].
const (
	NoForm Form = iota
	SeldonJSON
	SeldonProto
	TensorFlowJSON
	TensorFlowProto
	V2JSON
	V2Proto
	// BentoJSON is what a service of BentoML takes, and no client speaks: the
	// parameters of a route by name, and a bare value back.
	BentoJSON
)

const lastForm = BentoJSON

// carry gives m another text: its type, and how much of it is JSON, come with
// it. Whatever else m has it keeps.
func carry(text, m message.Message) message.Message {
	m.Body, m.Type, m.JSONLength, m.Encoding = text.Body, text.Type, text.JSONLength, ""
	return m
}

// Options say what the node's server expects.
type Options struct {
	// Node names the node in errors.
	Node string
	// Model and Version are what the server knows the model as.
	Model, Version string
	// Signature is TensorFlow's signature_name, or the route of a Bento; empty leaves it
	// to the server.
	Signature string
	// Input and Output name the server's tensors where a message does not.
	Input, Output string
	// Chained says that the message is another model's answer, whose one tensor
	// goes to the one input whatever its name.
	Chained bool
	// Outputs asks a v2 server for these outputs by name.
	Outputs []string
	// Columns makes each column of a seldon table that names its columns an
	// input of a v2 server, also where all hold numbers.
	Columns bool
	// MLServer says that the server is one, and what its runtime makes of
	// a request.
	MLServer Runtime
	// Spec is what the server's metadata says of its tensors; nil: unknown.
	Spec *Spec
}

// Spec is the tensors that a model takes and gives.
type Spec struct {
	Inputs, Outputs []TensorSpec
	// Versions are those of the model that the server tells of; none: it does
	// not say.
	Versions []string
	// Binary says that the server takes and gives elements as bytes behind
	// the JSON of a v2 message.
	Binary bool
	// MLServer says that the server is one, whatever its runtime.
	MLServer bool
	// Route is the one of a Bento that is asked; nil: the server is none.
	Route *BentoRoute
}

// Runtime is what stands between MLServer's protocol and a model.
type Runtime uint8

// The runtimes. Those that know data frames are told which requests are one.
const (
	// NoRuntime: the server is not MLServer, or its runtime is not known.
	NoRuntime Runtime = iota
	// Arrays takes one array unless it is told otherwise: scikit-learn, XGBoost.
	Arrays
	// AsTold gives the model what its signature says, and without one
	// nothing that it could use unless it is told: MLflow.
	AsTold
)

// TensorSpec describes one tensor. Shape dimensions of -1 are free; a nil
// shape is unknown.
type TensorSpec struct {
	Name  string
	DType tensor.DType
	Shape []int64
	// ContentType is how MLServer reads the tensor; empty: by its type.
	ContentType string
}

// Error is a message that cannot be translated.
type Error struct {
	Node string
	// Tensor names the input or output at fault; empty: the whole message.
	Tensor string
	Reason string
	// Known says that what is known of the server's model has a part in it: with
	// another [Spec] the message might be translated.
	Known bool
}

func (e *Error) Error() string {
	where := ""
	if e.Node != "" {
		where = fmt.Sprintf("node %q: ", e.Node)
	}
	if e.Tensor == "" {
		return where + "cannot translate: " + e.Reason
	}
	return fmt.Sprintf("%scannot translate %q: %s", where, e.Tensor, e.Reason)
}
