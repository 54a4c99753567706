package translate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/tensor"
)

func forms() []Form {
	return []Form{SeldonJSON, SeldonProto, TensorFlowJSON, TensorFlowProto, V2JSON, V2Proto}
}

func (f Form) GoString() string {
	return [...]string{"no form", "seldon JSON", "seldon proto", "TensorFlow JSON", "TensorFlow proto", "v2 JSON", "v2 proto"}[f]
}

// randomTensor makes a tensor of any type, with the values that are hard to
// carry more often than others.
func randomTensor(r *rand.Rand, name string) tensor.Tensor {
	types := []tensor.DType{tensor.Bool, tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Int8,
		tensor.Int16, tensor.Int32, tensor.Int64, tensor.FP16, tensor.BF16, tensor.FP32, tensor.FP64, tensor.Bytes}
	dtype := types[r.IntN(len(types))]
	shape := make([]int64, r.IntN(4))
	for i := range shape {
		shape[i] = int64(1 + r.IntN(3))
	}
	if len(shape) > 0 && r.IntN(8) == 0 {
		shape[len(shape)-1] = 0
	}
	if dtype == tensor.Bytes && len(shape) == 0 {
		shape = []int64{1}
	}
	n, err := tensor.Elements(shape)
	if err != nil {
		panic(err)
	}
	var t tensor.Tensor
	if dtype == tensor.Bytes {
		elems := make([][]byte, n)
		for i := range elems {
			elems[i] = []byte([]string{"", "a", "grüß", `"\` + "\n", "\u2028<&>", "日本"}[r.IntN(6)])
		}
		t, err = tensor.NewBytes(shape, elems)
	} else {
		raw := make([]byte, 0, n*dtype.Size())
		for range n {
			raw = append(raw, randomElement(r, dtype)...)
		}
		t, err = tensor.New(dtype, shape, raw)
	}
	if err != nil {
		panic(err)
	}
	t.Name = name
	return t
}

func randomElement(r *rand.Rand, dtype tensor.DType) []byte {
	if dtype == tensor.Bool {
		return []byte{byte(r.IntN(2))}
	}
	if dtype.IsFloat() {
		hard := []float64{0, math.Copysign(0, -1), 1, -2.5, 0.1, math.NaN(), math.Inf(1), math.Inf(-1), 65504, 6e-8}
		var wide tensor.Tensor
		wide, err := tensor.New(tensor.FP64, nil, binary.LittleEndian.AppendUint64(nil, math.Float64bits(hard[r.IntN(len(hard))])))
		if err == nil {
			wide, err = wide.As(dtype)
		}
		if err != nil {
			panic(err)
		}
		raw, _ := wide.Raw()
		return raw
	}
	word := binary.LittleEndian.AppendUint64(nil, []uint64{0, 1, 1<<53 + 1, 1<<63 - 1, 1 << 63, math.MaxUint64, r.Uint64()}[r.IntN(7)])
	return word[:dtype.Size()]
}

func specOf(tensors []tensor.Tensor) []TensorSpec {
	specs := make([]TensorSpec, len(tensors))
	for i, t := range tensors {
		specs[i] = TensorSpec{Name: t.Name, DType: t.DType}
	}
	return specs
}

// sortTensors puts tensors into the order in which maps of the proto forms
// are read.
func sortTensors(tensors []tensor.Tensor) {
	slices.SortFunc(tensors, func(a, b tensor.Tensor) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
}

// sameTensors compares values bit by bit, having asked for the types that were
// sent.
func sameTensors(want, got []tensor.Tensor) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d tensors, want %d", len(got), len(want))
	}
	got = slices.Clone(got)
	sortTensors(got)
	for i := range want {
		w, g := want[i], got[i]
		if g.Name != "" && g.Name != w.Name {
			return fmt.Errorf("name %q, want %q", g.Name, w.Name)
		}
		if diff := cmp.Diff(w.Shape, g.Shape); diff != "" && len(w.Shape)+len(g.Shape) > 0 {
			return fmt.Errorf("%s: shape (-want +got):\n%s", w.Name, diff)
		}
		typed, err := g.As(w.DType)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		wantRaw, _ := w.Raw()
		gotRaw, _ := typed.Raw()
		if !bytes.Equal(wantRaw, gotRaw) {
			return fmt.Errorf("%s: %v % x, want % x", w.Name, w.DType, gotRaw, wantRaw)
		}
	}
	return nil
}

// beyondDoubles tells integers that seldon's protobuf has no exact place for.
func beyondDoubles(tensors []tensor.Tensor) bool {
	for _, t := range tensors {
		if _, err := t.As(tensor.FP64); err != nil && t.DType != tensor.Bytes {
			return true
		}
	}
	return false
}

// TestEveryPairKeepsTensors sends random tensors through each pair of forms,
// there and back. What arrives is bit for bit what was sent.
func TestEveryPairKeepsTensors(t *testing.T) {
	const rounds = 300
	for _, from := range forms() {
		for _, to := range forms() {
			// Between the two seldon forms jsonData passes as it is, with
			// protobuf's own loss of digits.
			if from <= SeldonProto && to <= SeldonProto || from == to {
				continue
			}
			t.Run(fmt.Sprintf("%#v to %#v", from, to), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(from)<<8|uint64(to)))
				done := 0
				for range rounds {
					if passesPair(t, r, from, to) {
						done++
					}
				}
				if done < rounds/4 {
					t.Errorf("only %d of %d rounds could be carried", done, rounds)
				}
			})
		}
	}
}

// passesPair is false where the pair has no exact place for the tensors and
// said so.
func passesPair(t *testing.T, r *rand.Rand, from, to Form) bool {
	t.Helper()
	inputs := []tensor.Tensor{randomTensor(r, "a")}
	outputs := []tensor.Tensor{randomTensor(r, "y")}
	if r.IntN(3) == 0 {
		inputs, outputs = append(inputs, randomTensor(r, "b")), append(outputs, randomTensor(r, "z"))
	}
	limited := (from == SeldonProto || to == SeldonProto) && (beyondDoubles(inputs) || beyondDoubles(outputs))
	source, _ := from.codec()
	target, _ := to.codec()
	request, err := source.encodeRequest(&content{tensors: inputs, layout: apart})
	if err != nil {
		return refusedFairly(t, limited, err)
	}
	o := Options{Node: "n", Model: "m", Spec: &Spec{Inputs: specOf(inputs), Outputs: specOf(outputs), Binary: true}}
	sent, x, err := Request(request, from, to, o)
	if err != nil {
		return refusedFairly(t, limited, err)
	}
	got, err := readBack(target, target.decodeRequest, sent)
	if err != nil {
		t.Fatalf("reading the request %q: %v", sent.Body, err)
	}
	if err := sameTensors(inputs, got); err != nil {
		t.Fatalf("request %q became %q: %v", request.Body, sent.Body, err)
	}
	answer, err := target.encodeResponse(&content{tensors: outputs}, &content{})
	if err != nil {
		return refusedFairly(t, limited, err)
	}
	replied, err := x.Response(answer)
	if err != nil {
		return refusedFairly(t, limited, err)
	}
	if got, err = readBack(source, source.decodeResponse, replied); err != nil {
		t.Fatalf("reading the answer %q: %v", replied.Body, err)
	}
	if err := sameTensors(outputs, got); err != nil {
		t.Fatalf("answer %q became %q: %v", answer.Body, replied.Body, err)
	}
	return true
}

func refusedFairly(t *testing.T, limited bool, err error) bool {
	t.Helper()
	var e *Error
	if !limited || !errors.As(err, &e) {
		t.Fatalf("refused: %v", err)
	}
	return false
}

func readBack(c codec, decode func(message.Message) (*content, error), p message.Message) ([]tensor.Tensor, error) {
	m, err := decode(p)
	if err != nil || m.field != dataJSON {
		if m == nil {
			return nil, err
		}
		return m.tensors, err
	}
	return readJSONData(m.value, c, codecs()[SeldonJSON])
}
