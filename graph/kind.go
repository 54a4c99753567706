package graph

import "strconv"

// Type is the kind of a node.
type Type string

// The kinds of the SeldonDeployment API.
const (
	UnknownType       Type = "UNKNOWN_TYPE"
	Router            Type = "ROUTER"
	Combiner          Type = "COMBINER"
	Model             Type = "MODEL"
	Transformer       Type = "TRANSFORMER"
	OutputTransformer Type = "OUTPUT_TRANSFORMER"
)

// Method is a call that a node declares in addition to those of its [Type].
type Method string

// The methods of the SeldonDeployment API.
const (
	TransformInputMethod  Method = "TRANSFORM_INPUT"
	TransformOutputMethod Method = "TRANSFORM_OUTPUT"
	RouteMethod           Method = "ROUTE"
	AggregateMethod       Method = "AGGREGATE"
	SendFeedbackMethod    Method = "SEND_FEEDBACK"
)

// EndpointType is the transport of an [Endpoint].
type EndpointType string

// The endpoint types of the SeldonDeployment API.
const (
	REST EndpointType = "REST"
	GRPC EndpointType = "GRPC"
)

// ParameterType is the declared type of a [Parameter].
type ParameterType string

// The parameter types of the SeldonDeployment API.
const (
	IntParameter    ParameterType = "INT"
	FloatParameter  ParameterType = "FLOAT"
	DoubleParameter ParameterType = "DOUBLE"
	StringParameter ParameterType = "STRING"
	BoolParameter   ParameterType = "BOOL"
)

// LoggerMode says which payloads a [Logger] sends.
type LoggerMode string

// The logger modes of the SeldonDeployment API.
const (
	LogAll      LoggerMode = "all"
	LogRequest  LoggerMode = "request"
	LogResponse LoggerMode = "response"
)

// Calls is the set of calls that a node takes.
type Calls uint8

// One bit for each [Call], and one for feedback.
const (
	CallsPredict Calls = 1 << iota
	CallsTransformInput
	CallsRoute
	CallsAggregate
	CallsTransformOutput
	CallsFeedback
)

// Has reports whether all bits of c are set.
func (s Calls) Has(c Calls) bool { return s&c == c }

// Call is one call on a node that takes a message and gives one.
type Call uint8

// What a caller is asked to do. Route and Aggregate have methods of their own
// in [Caller]; they are listed because metrics, logs and errors name them.
const (
	Predict Call = iota + 1
	TransformInput
	Route
	Aggregate
	TransformOutput
	SendFeedback
)

// String returns the name that errors and logs use.
func (c Call) String() string {
	switch c {
	case Predict:
		return "predict"
	case TransformInput:
		return "transform-input"
	case Route:
		return "route"
	case Aggregate:
		return "aggregate"
	case TransformOutput:
		return "transform-output"
	case SendFeedback:
		return "send-feedback"
	}
	return "call " + strconv.Itoa(int(c))
}

// kinds says which calls each type makes. A MODEL that also transforms its
// input is not asked to predict; Compile sees to that.
var kinds = map[Type]Calls{
	"":                0,
	UnknownType:       0,
	Router:            CallsRoute | CallsFeedback,
	Combiner:          CallsAggregate,
	Model:             CallsPredict | CallsFeedback,
	Transformer:       CallsTransformInput,
	OutputTransformer: CallsTransformOutput,
}

var methods = map[Method]Calls{
	TransformInputMethod:  CallsTransformInput,
	TransformOutputMethod: CallsTransformOutput,
	RouteMethod:           CallsRoute,
	AggregateMethod:       CallsAggregate,
	SendFeedbackMethod:    CallsFeedback,
}

// Builtin is an implementation that runs inside the executor, without a
// container and without an endpoint.
type Builtin uint8

// NotBuiltin is the zero value: the node is served at its endpoint.
const (
	NotBuiltin Builtin = iota
	SimpleModel
	SimpleRouter
	RandomABTest
	AverageCombiner
)

// builtins gives each built-in its name in the API and the call it answers.
var builtins = map[string]struct {
	builtin Builtin
	calls   Calls
}{
	"SIMPLE_MODEL":     {SimpleModel, 0},
	"SIMPLE_ROUTER":    {SimpleRouter, CallsRoute},
	"RANDOM_ABTEST":    {RandomABTest, CallsRoute},
	"AVERAGE_COMBINER": {AverageCombiner, CallsAggregate},
}

// UnknownImplementation is what the API writes for "none".
const UnknownImplementation = "UNKNOWN_IMPLEMENTATION"

// BuiltinOf returns the built-in that implementation names, or NotBuiltin.
func BuiltinOf(implementation string) Builtin { return builtins[implementation].builtin }

// Valid reports whether t is a type of the API; empty is valid.
func (t Type) Valid() bool { _, ok := kinds[t]; return ok }

// Valid reports whether m is a method of the API.
func (m Method) Valid() bool { _, ok := methods[m]; return ok }

// Route values with a meaning of their own; all others are child numbers.
const (
	// RouteAll sends the message to all children at once.
	RouteAll = -1
	// RouteNone ends the walk below this node: its own output is the result,
	// and nothing is aggregated.
	RouteNone = -2
)

func childPath(parent string, i int) string { return parent + ".children[" + strconv.Itoa(i) + "]" }
