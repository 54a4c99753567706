package stub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// Model is a component that writes its digit behind each number it is given:
// 12 becomes 123 at a model with the digit 3, so that an answer shows which
// components it went through, and in which order. As a combiner it adds up
// what it is given first.
type Model struct {
	// Protocol is seldon, tensorflow or v2.
	Protocol string
	// Name is the model's name, which requests of tensorflow and v2 must give.
	Name  string
	Digit int
	// Out is the digit for output transformers of seldon; 0 means Digit.
	Out int
	// Route is what a router answers. Router makes every call over gRPC in
	// tensorflow and v2 one of a router, since routers have no method of
	// their own there.
	Route  int
	Router bool
}

// The tensors of models of tensorflow and v2.
const (
	Input  = "features"
	Output = "result"
)

// Serve makes the server answer as the model does.
func (m Model) Serve(s *Server) { s.Otherwise(m.Answer) }

// Answer is the model's.
func (m Model) Answer(c Call) Answer {
	serve, ok := personalities()[m.Protocol]
	if !ok {
		serve = func(Model, Call) (Answer, error) { return Answer{}, fmt.Errorf("protocol %q is unknown", m.Protocol) }
	}
	a, err := serve(m, c)
	if err != nil {
		return refusing(err)
	}
	return a
}

func refusing(err error) Answer {
	text, _ := json.Marshal(map[string]string{"error": err.Error()})
	return Answer{Status: http.StatusBadRequest, Body: text, Code: codes.InvalidArgument, Message: err.Error()}
}

// Renamed is the model with other names of its tensors, which have to be as
// long as [Input] and [Output]. It refuses requests that name another input.
func (m Model) Renamed(input, output string) func(Call) Answer {
	names := strings.NewReplacer(Input, input, Output, output)
	return func(c Call) Answer {
		body := string(c.Body)
		if strings.Contains(body, Input) || strings.Contains(body, "wrong") {
			return refusing(fmt.Errorf("the model has no such input; it takes %s", input))
		}
		c.Body = []byte(strings.ReplaceAll(body, input, Input))
		a := m.Answer(c)
		a.Body = []byte(names.Replace(string(a.Body)))
		return a
	}
}

// personalities is the table of protocols.
func personalities() map[string]func(Model, Call) (Answer, error) {
	return map[string]func(Model, Call) (Answer, error){
		"seldon":     Model.seldon,
		"tensorflow": Model.tensorflow,
		"v2":         Model.v2,
	}
}

// appended writes the digit behind x.
func appended(x float64, digit int) float64 { return x*10 + float64(digit) }

// numbers collects the numbers in a JSON value.
func numbers(v any) []float64 {
	switch v := v.(type) {
	case float64:
		return []float64{v}
	case []any:
		var all []float64
		for _, item := range v {
			all = append(all, numbers(item)...)
		}
		return all
	}
	return nil
}

func sum(lists ...[]float64) []float64 {
	total := append([]float64(nil), lists[0]...)
	for _, l := range lists[1:] {
		for i := range min(len(total), len(l)) {
			total[i] += l[i]
		}
	}
	return total
}

func (m Model) append(xs []float64, digit int) []float64 {
	out := make([]float64, len(xs))
	for i, x := range xs {
		out[i] = appended(x, digit)
	}
	return out
}

func marshalled(v any) (Answer, error) {
	body, err := json.Marshal(v)
	return Answer{Body: body}, err
}

func encoded(m proto.Message) (Answer, error) {
	body, err := proto.Marshal(m)
	return Answer{Body: body}, err
}

// notFound answers what a model of this name does not have.
func (m Model) notFound(c Call) Answer {
	text, _ := json.Marshal(map[string]string{"error": fmt.Sprintf("%s %s is not found at model %s", c.Method, c.Path, m.Name)})
	return Answer{Status: http.StatusNotFound, Body: text, Code: codes.NotFound, Message: "not found: " + c.Path}
}

func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
