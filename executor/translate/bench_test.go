package translate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

// imageJSON is a seldon request of n rows of digits, 28 by 28 pixels, as
// clients spell them.
func imageJSON(rows int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	body := []byte(`{"data":{"ndarray":[`)
	for i := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '[')
		for k := range 784 {
			if k > 0 {
				body = append(body, ", "...)
			}
			body = fmt.Appendf(body, "%.6f", r.Float64())
		}
		body = append(body, ']')
	}
	return append(body, "]}}"...)
}

func digitSpec() *Spec {
	return &Spec{Inputs: []TensorSpec{{Name: "images", DType: tensor.FP32}},
		Outputs: []TensorSpec{{Name: "scores", DType: tensor.FP32}}}
}

func BenchmarkRequest(b *testing.B) {
	for _, rows := range []int{1, 100} {
		image := message.Message{Body: imageJSON(rows)}
		o := Options{Model: "m", Spec: digitSpec()}
		for _, to := range []Form{TensorFlowJSON, V2JSON, TensorFlowProto, V2Proto} {
			b.Run(fmt.Sprintf("seldon JSON to %#v, %d rows", to, rows), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(image.Body)))
				for b.Loop() {
					if _, _, err := Request(image, SeldonJSON, to, o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		v2, _, err := Request(image, SeldonJSON, V2JSON, o)
		if err != nil {
			b.Fatal(err)
		}
		proto, _, err := Request(image, SeldonJSON, SeldonProto, o)
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			from, to Form
			p        message.Message
		}{{V2JSON, TensorFlowJSON, v2}, {SeldonProto, TensorFlowProto, proto}, {SeldonProto, V2Proto, proto}} {
			b.Run(fmt.Sprintf("%#v to %#v, %d rows", c.from, c.to, rows), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(c.p.Body)))
				for b.Loop() {
					if _, _, err := Request(c.p, c.from, c.to, o); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkChain(b *testing.B) {
	c, err := V2Proto.codec()
	if err != nil {
		b.Fatal(err)
	}
	t, err := tensor.New(tensor.FP32, []int64{100, 784}, make([]byte, 4*78400))
	if err != nil {
		b.Fatal(err)
	}
	answer, err := c.encodeResponse(&content{tensors: []tensor.Tensor{t}}, &content{layout: apart})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer.Body)))
	for b.Loop() {
		if _, err := Chain(V2Proto, answer, "m"); err != nil {
			b.Fatal(err)
		}
	}
}
