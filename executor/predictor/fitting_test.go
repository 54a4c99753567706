package predictor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// failing is a node whose server fails by each request, and tells what it takes by
// metadata; empty: it does not.
type failing struct {
	metadata string
	asked    int
	code     protocol.Code
}

func (f *failing) Send(context.Context, *upstream.Target, message.Message) (message.Message, error) {
	return message.Message{}, protocol.Coded(f.code, &protocol.Refusal{Status: 500, Message: message.Message{Body: []byte(`{"error":"ValueError"}`)}})
}

func (f *failing) Ask(_ context.Context, _ *upstream.Target, m message.Message) (message.Message, error) {
	f.asked++
	if f.metadata == "" {
		return m, protocol.Coded(protocol.Declined, &protocol.Refusal{Status: 404})
	}
	return message.Message{Body: []byte(f.metadata), Type: jsonType, Answer: true, Meta: m.Meta}, nil
}

const (
	houses = `{"inputs":[{"datatype":"FP64","shape":[-1,3],"columns":["age","rooms","area"]}]}`
	image  = `{"name":"m","platform":"x","inputs":[{"name":"image","datatype":"FP32","shape":[-1,28,28]}],"outputs":[]}`
	pairs  = `{"name":"m","platform":"x","inputs":[{"name":"a","datatype":"FP64","shape":[-1,1]},{"name":"b","datatype":"BYTES","shape":[-1]}],"outputs":[]}`
)

// A request by which a server failed is the client's fault if it does not fit what
// is known of the model, and else the server's.
func TestWhoseFaultAFailureIs(t *testing.T) {
	for _, c := range []struct {
		name, outside, server string
		hint, metadata        string
		body, want            string
	}{
		{"too few columns", "seldon", "v2", houses, "", `{"data":{"ndarray":[[1,2]]}}`, "it takes 3 columns (age, rooms, area), shape [-1,3], and was sent "},
		{"one dimension", "seldon", "v2", houses, "", `{"data":{"ndarray":[1,2,3]}}`, "shape [-1,3], and was sent"},
		{"fits", "seldon", "v2", houses, "", `{"data":{"ndarray":[[1,2,3]]}}`, ""},
		{"a data frame", "v2", "v2", houses, "", `{"inputs":[{"name":"age","datatype":"FP64","shape":[1],"data":[1]},{"name":"rooms","datatype":"FP64","shape":[1],"data":[1]},{"name":"area","datatype":"FP64","shape":[1,1],"data":[1]}]}`, ""},
		{"columns of two types without names", "seldon", "seldon", houses, "", `{"data":{"ndarray":[[1,"two",3]]}}`, "it takes FP64, and was sent texts of shape [1]"},
		{"another name", "v2", "v2", houses, "", `{"inputs":[{"name":"age","datatype":"FP64","shape":[1],"data":[1]},{"name":"rooms","datatype":"FP64","shape":[1],"data":[1]},{"name":"x","datatype":"FP64","shape":[1],"data":[1]}]}`, `was sent no "area"`},
		{"texts", "v2", "v2", houses, "", `{"inputs":[{"name":"x","datatype":"BYTES","shape":[1,3],"data":["a","b","c"]}]}`, `it takes FP64, and was sent "x" of texts of shape [1,3]`},
		{"nothing is known", "v2", "v2", "", "", `{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}]}`, ""},
		{"an image", "v2", "v2", "", image, `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}`, `it takes "image" of shape [-1,28,28], and was sent "x" of shape [1,4]`},
		{"an input that is missing", "v2", "v2", "", pairs, `{"inputs":[{"name":"a","datatype":"FP64","shape":[1],"data":[1]}]}`, `it takes an input "b", which was not sent`},
		{"columns", "v2", "v2", "", pairs, `{"inputs":[{"name":"a","datatype":"FP64","shape":[2],"data":[1,2]},{"name":"b","datatype":"BYTES","shape":[2,1],"data":["x","y"]}]}`, ""},
		{"tensorflow", "tensorflow", "v2", houses, "", `{"instances":[[1,2,3,4]]}`, "it takes 3 columns"},
		{"not to be read", "v2", "v2", houses, "", `{"inputs":1}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := &failing{metadata: c.metadata, code: protocol.Refused}
			n := modelNode("m")
			n.Endpoint.Protocol = c.server
			o, _ := protocol.Lookup(c.outside)
			options := Options{Name: "p", Graph: &n, Outside: o, REST: server, GRPC: server, Random: func() float64 { return 0 }}
			if c.hint != "" {
				options.Hints.Files = fstest.MapFS{"m.json": {Data: []byte(c.hint)}}
			}
			p, err := New(options)
			if err != nil {
				t.Fatal(err)
			}
			m := message.Message{Body: []byte(c.body), Type: jsonType, Meta: &message.Meta{}}
			for range 2 {
				_, err = p.Predict(t.Context(), protocol.REST, m)
				code := protocol.CodeOf(err)
				switch {
				case c.want == "" && code != protocol.Refused:
					t.Errorf("%v is %s, want the server's failure", err, code)
				case c.want != "" && (code != protocol.Invalid || !strings.Contains(err.Error(), `node "m": predict: the request does not fit the model: `) || !strings.Contains(err.Error(), c.want)):
					t.Errorf("%v is %s, want %s", err, code, c.want)
				}
			}
			if server.asked > 1 && c.server == c.outside {
				t.Errorf("the server was asked %d times", server.asked)
			}
		})
	}
}

// What a server declines itself, what did not reach it, and what another node
// answered is not looked at again.
func TestOtherFailuresStay(t *testing.T) {
	server := &failing{metadata: image}
	n := modelNode("m")
	o, _ := protocol.Lookup("v2")
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: server, GRPC: server})
	if err != nil {
		t.Fatal(err)
	}
	m := message.Message{Body: []byte(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[1,2,3,4]}]}`), Type: jsonType, Meta: &message.Meta{}}
	for _, server.code = range []protocol.Code{protocol.Declined, protocol.Unreachable, protocol.NotNow, protocol.Timeout} {
		if _, err := p.Predict(t.Context(), protocol.REST, m); protocol.CodeOf(err) != server.code {
			t.Errorf("%v has become %s", server.code, protocol.CodeOf(err))
		}
	}
	// These say themselves whose fault they are.
	for _, failure := range []error{
		status.Error(codes.ResourceExhausted, "too large"), status.Error(codes.Unavailable, "busy"), &protocol.Refusal{Status: 503}, &protocol.Refusal{Status: 429},
	} {
		refused := protocol.Coded(protocol.Refused, failure)
		other, err := New(Options{Name: "p", Graph: &n, Outside: o, GRPC: server, REST: sender(func(*upstream.Target, message.Message) (message.Message, error) {
			return message.Message{}, refused
		})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Predict(t.Context(), protocol.REST, m); !errors.Is(err, failure) {
			t.Errorf("%v has become %v", failure, err)
		}
	}
	server.code = protocol.Refused
	answer := m
	answer.Answer = true
	if _, err := p.Predict(t.Context(), protocol.REST, answer); protocol.CodeOf(err) != protocol.Refused {
		t.Errorf("an answer is judged: %v", err)
	}
	if server.asked != 0 {
		t.Errorf("the server was asked %d times", server.asked)
	}
}

// Over gRPC a server that fails is asked as well, over REST.
func TestWhoseFaultAFailureIsOverGRPC(t *testing.T) {
	rest := &failing{metadata: image}
	n := modelNode("m")
	o, _ := protocol.Lookup("v2")
	failure := protocol.Coded(protocol.Refused, status.Error(codes.Internal, "ValueError"))
	p, err := New(Options{Name: "p", Graph: &n, Outside: o, REST: rest, GRPC: sender(func(*upstream.Target, message.Message) (message.Message, error) {
		return message.Message{}, failure
	})})
	if err != nil {
		t.Fatal(err)
	}
	body, err := proto.Marshal(&inference.ModelInferRequest{Inputs: []*inference.ModelInferRequest_InferInputTensor{
		{Name: "x", Datatype: "FP32", Shape: []int64{1, 4}, Contents: &inference.InferTensorContents{Fp32Contents: []float32{1, 2, 3, 4}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Predict(t.Context(), protocol.GRPC, message.Message{Body: body, Meta: &message.Meta{}})
	if protocol.CodeOf(err) != protocol.Invalid || errors.Is(err, failure) || !strings.Contains(err.Error(), `was sent "x" of shape [1,4]`) {
		t.Errorf("%v is %s", err, protocol.CodeOf(err))
	}
}
