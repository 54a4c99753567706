package translate

// Exchange is a translated request that waits for its answer: it remembers
// what the client asked for and how.
type Exchange struct{}

// Request rewrites a request from one form into another. The Exchange
// translates the answer back. Where both forms are of one protocol and one
// encoding the payload passes untouched.
func Request(p Payload, from, to Form, o Options) (Payload, *Exchange, error) {
	return Payload{}, nil, &Error{Node: o.Node, Reason: "not built yet"}
}

// Response rewrites the server's answer into the form of the request, in the
// kind that the client used there.
func (x *Exchange) Response(p Payload) (Payload, error) {
	return Payload{}, &Error{Reason: "not built yet"}
}

// Mean is the element-wise mean of the tensors in several answers, written in
// the kind of the first. Answers that do not match are an error that names the
// child by its index.
func Mean(form Form, ps []Payload) (Payload, error) {
	return Payload{}, &Error{Reason: "not built yet"}
}

// ParseSpec reads what a model server says of its model: the body of
// GET /v1/models/{m}/metadata or a GetModelMetadataResponse, the body of
// GET /v2/models/{m} or a ModelMetadataResponse. The signature counts for the
// TensorFlow forms alone; empty means the default one.
func ParseSpec(form Form, body []byte, signature string) (*Spec, error) {
	return nil, &Error{Reason: "not built yet"}
}

// Branch is the child that a router's answer names: -1 for all of them, -2
// for none.
func Branch(form Form, p Payload) (int, error) {
	return 0, &Error{Reason: "not built yet"}
}

// Chain makes an answer the next request of the same protocol without reading
// the numbers in it. A JSON request passes unchanged. In the proto forms p must
// be an answer, since its bytes alone do not tell; model becomes the model name
// of the new request.
func Chain(form Form, p Payload, model string) (Payload, error) {
	return Payload{}, &Error{Reason: "not built yet"}
}

// Address gives a V2Proto request without a model name this one; every other
// message passes unchanged.
func Address(form Form, p Payload, model string) (Payload, error) {
	return Payload{}, &Error{Reason: "not built yet"}
}

// Join is what a combiner node is sent: the answers of its children as a JSON
// array, verbatim, or as a SeldonMessageList. The other proto forms have no
// such message.
func Join(form Form, ps []Payload) (Payload, error) {
	return Payload{}, &Error{Reason: "not built yet"}
}
