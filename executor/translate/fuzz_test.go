package translate

import (
	"errors"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/tensor/jsontext"
)

// seeds are messages of every form, and damaged ones.
func seeds() [][]byte {
	var out [][]byte
	for _, table := range []string{
		`{"data":{"names":["a","b"],"ndarray":[[1,"x"],[null,"y"]]}}`, `{"jsonData":[{"a":1,"b":"x"},{"b":null}]}`,
		`{"jsonData":{"columns":["a","b"],"data":[[1,"x"]]}}`, `{"jsonData":{"a":{"0":1},"b":{"0":true}}}`,
		`{"instances":[[1,"x"]]}`, `{"inputs":{"a":[1,null],"b":["x",null]}}`,
		`{"parameters":{"content_type":"pd"},"inputs":[{"name":"a","datatype":"BYTES","shape":[2,1],"data":["x",null]}]}`,
		`{"parameters":{"content_type":"pd"},"outputs":[{"name":"a","datatype":"BYTES","shape":[1,1],"data":["1"],"parameters":{"content_type":"pd_json"}}]}`,
	} {
		out = append(out, []byte(table))
	}
	for _, c := range jsonCases() {
		out = append(out, []byte(c.request), []byte(c.answer))
		for _, to := range []Form{TensorFlowProto, V2Proto, SeldonProto} {
			sent, _, err := Request(message.Message{Body: []byte(c.request)}, c.from, to, Options{Model: "m", Input: "x"})
			if err != nil {
				continue
			}
			out = append(out, sent.Body, sent.Body[:len(sent.Body)/2])
			target, _ := to.codec()
			m, err := target.decodeRequest(sent)
			if err != nil {
				continue
			}
			if answer, err := target.encodeResponse(m, &content{}); err == nil {
				out = append(out, answer.Body)
			}
		}
	}
	return append(out, nil, []byte("{"), []byte("[]"), []byte(`{"data":{"ndarray":null}}`))
}

func fuzzOptions(flags uint8) Options {
	o := Options{Node: "n", Model: "m"}
	if flags&1 != 0 {
		o.Spec = imageSpec()
	}
	if flags&2 != 0 {
		o.Signature, o.Input, o.Output = "s", "x", "y"
	}
	if flags&4 != 0 {
		o.Spec = &Spec{Inputs: []TensorSpec{{Name: "a", DType: tensor.Int16}, {Name: "b", DType: tensor.Bytes}}}
	}
	o.MLServer, o.Columns = Runtime(flags>>4%3), flags&64 != 0
	if o.Spec != nil {
		o.Spec.Binary = flags&128 != 0
	}
	return o
}

func pairOf(pair uint8) (from, to Form) {
	return forms()[pair%6], forms()[pair/6%6]
}

// FuzzRequest translates any bytes as a request of each pair of forms.
func FuzzRequest(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s, uint8(i*7), uint8(i), 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, pair, flags uint8, jsonLength int) {
		from, to := pairOf(pair)
		out, _, err := Request(message.Message{Body: body, JSONLength: jsonLength}, from, to, fuzzOptions(flags))
		checkOutcome(t, from == to, to, out, err)
		if err == nil && from != to {
			checkReadable(t, to, out)
		}
	})
}

// checkOutcome asks for an error of the right kind, or for a body that is what
// its form says.
func checkOutcome(t *testing.T, untouched bool, form Form, out message.Message, err error) {
	t.Helper()
	var e *Error
	if err != nil {
		if !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		return
	}
	if untouched || form == SeldonProto || form == TensorFlowProto || form == V2Proto {
		return
	}
	text := out.Body
	if out.JSONLength > 0 {
		text = text[:out.JSONLength]
	}
	if _, err := jsontext.ParseObject(text); err != nil {
		t.Fatalf("wrote %q: %v", text, err)
	}
}

// checkReadable asks that what was written can be read, unless it is jsonData
// that passes as it stands.
func checkReadable(t *testing.T, form Form, out message.Message) {
	t.Helper()
	c, _ := form.codec()
	if c.protocol != seldonProtocol && c.json.pass != nil {
		if _, ok, _ := c.json.pass(out.Body, &Options{}); ok {
			return
		}
	}
	if _, err := c.decodeRequest(out); err != nil {
		t.Fatalf("cannot read %q: %v", out.Body, err)
	}
}

// FuzzResponse translates any bytes as the answer to a request with its data in each field.
func FuzzResponse(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s, uint8(i*5), uint8(i), 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, pair, flags uint8, jsonLength int) {
		from, to := pairOf(pair)
		fields := []dataField{dataNone, dataNDArray, dataTensor, dataTFTensor, dataString, dataBinary, dataJSON}
		x := &Exchange{from: from, to: to, options: fuzzOptions(flags >> 4),
			asked: &content{field: fields[flags%7], layout: layout(flags>>3) % (apart + 1)}}
		out, err := x.Response(message.Message{Body: body, JSONLength: jsonLength})
		checkOutcome(t, from == to, from, out, err)
	})
}

// FuzzWithin runs what stays inside one protocol.
func FuzzWithin(f *testing.F) {
	for i, s := range seeds() {
		f.Add(s, uint8(i), 0)
	}
	f.Add([]byte(`{"data":{"ndarray":[[1]]}}`), uint8(0), 0)
	f.Add([]byte(`[1]`), uint8(0), 0)
	f.Fuzz(func(t *testing.T, body []byte, which uint8, jsonLength int) {
		form := forms()[which%6]
		p := message.Message{Body: body, JSONLength: jsonLength}
		out, err := Chain(form, p, "next")
		checkOutcome(t, form == SeldonJSON, form, out, err)
		out, err = Combine(form, []message.Message{p, p}, Combination{Of: tensor.Mean})
		checkOutcome(t, false, form, out, err)
		_, err = Branch(form, p)
		checkOutcome(t, true, form, out, err)
		_, err = Join(form, []message.Message{p, p})
		checkOutcome(t, true, form, out, err)
		_, err = ParseSpec(form, body, "")
		checkOutcome(t, true, form, out, err)
	})
}
