package stub

import (
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
)

// Numbers are those of all tensors in a request over gRPC; of what is none, none.
func Numbers(protocol string, body []byte) (xs []float64) {
	switch protocol {
	case "seldon":
		var m seldon.SeldonMessage
		if proto.Unmarshal(body, &m) == nil {
			xs = SeldonNumbers(&m)
		}
	case "tensorflow":
		var m tensorflow.PredictRequest
		if proto.Unmarshal(body, &m) == nil {
			for _, t := range m.Inputs {
				xs = append(xs, TensorNumbers(t)...)
			}
		}
	case "v2":
		var m inference.ModelInferRequest
		if proto.Unmarshal(body, &m) == nil {
			for _, t := range m.Inputs {
				xs = append(xs, V2Numbers(t.Datatype, t.Contents, m.RawInputContents)...)
			}
		}
	}
	return xs
}
