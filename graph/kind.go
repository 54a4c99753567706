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

// Call is one call on a node.
type Call uint8

// The calls, in the order in which a walk makes them.
const (
	CallTransformInput Call = iota
	CallPredict
	CallRoute
	CallAggregate
	CallTransformOutput
	CallSendFeedback
)

// String returns the name that errors and logs use.
func (c Call) String() string {
	names := [...]string{"transform-input", "predict", "route", "aggregate", "transform-output", "send-feedback"}
	if int(c) < len(names) {
		return names[c]
	}
	return "call " + strconv.Itoa(int(c))
}

// Calls is a set of calls.
type Calls uint8

// CallSet makes a set.
func CallSet(calls ...Call) Calls {
	var s Calls
	for _, c := range calls {
		s |= 1 << c
	}
	return s
}

// Has reports whether c is in the set.
func (s Calls) Has(c Call) bool { return s&(1<<c) != 0 }

// kinds says which calls each type makes. A MODEL that also transforms its
// input is not asked to predict; Compile sees to that.
var kinds = map[Type]Calls{
	"":                0,
	UnknownType:       0,
	Router:            CallSet(CallRoute, CallSendFeedback),
	Combiner:          CallSet(CallAggregate),
	Model:             CallSet(CallPredict, CallSendFeedback),
	Transformer:       CallSet(CallTransformInput),
	OutputTransformer: CallSet(CallTransformOutput),
}

var methods = map[Method]Call{
	TransformInputMethod:  CallTransformInput,
	TransformOutputMethod: CallTransformOutput,
	RouteMethod:           CallRoute,
	AggregateMethod:       CallAggregate,
	SendFeedbackMethod:    CallSendFeedback,
}

// UnknownImplementation is what the API writes for "none".
const UnknownImplementation = "UNKNOWN_IMPLEMENTATION"

// IsServer reports whether an implementation names a prepackaged server or one
// that an installation adds, and not a built-in or nothing.
func IsServer(implementation string) bool {
	return implementation != "" && implementation != UnknownImplementation && BuiltinOf(implementation) == NotBuiltin
}

// SetType fills in the type of a node as a user writes it: MODEL where a server
// is named, whatever the user says, and where nothing is said at all.
func (n *Node) SetType() {
	if IsServer(n.Implementation) || n.Type == "" && n.Implementation == "" && len(n.Methods) == 0 {
		n.Type = Model
	}
}

// Valid reports whether t is a type of the API; empty is valid.
func (t Type) Valid() bool { _, ok := kinds[t]; return ok }

// Valid reports whether m is a method of the API.
func (m Method) Valid() bool { _, ok := methods[m]; return ok }

// Route values with a meaning of their own; all others are child numbers.
const (
	// RouteAll sends the message to all children at once.
	RouteAll = -1
	// RouteNone asks no child and aggregates nothing, since the router has decided
	// without them: the message goes straight to the node's own output call, and
	// what that returns is the result.
	RouteNone = -2
)

func childPath(parent string, i int) string { return parent + ".children[" + strconv.Itoa(i) + "]" }
