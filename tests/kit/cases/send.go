package cases

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/prime-radiant/radiant/apis/inference"
	_ "github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
)

// Answer is what came back: the status, the body as text and as JSON.
type Answer struct {
	Status int
	Body   string
	Value  any
}

// answerTime bounds the wait for an answer: longer than a gateway keeps a request, so that
// what it says of one that waited in vain is seen.
const answerTime = 3 * time.Minute

// Send sends one request to a gateway: r's files are in folder. The answer of a
// gRPC call that failed is its code and text; an error means that there was no
// answer at all, or none of the kind that r expects.
func Send(address, folder string, r Request) (Answer, error) {
	var body []byte
	if r.BodyFile != "" {
		var err error
		if body, err = os.ReadFile(filepath.Join(folder, r.BodyFile)); err != nil {
			return Answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if r.Transport == "grpc" {
		return sendGRPC(ctx, address, r, body)
	}
	return sendREST(ctx, address, r, body)
}

func sendREST(ctx context.Context, address string, r Request, body []byte) (Answer, error) {
	verb := http.MethodPost
	if r.BodyFile == "" {
		verb = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, verb, "http://"+address+r.Path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range r.Headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Status: resp.StatusCode, Body: string(text)}
	if len(r.Expected()) > 0 {
		if a.Value, err = decodeJSON(text); err != nil {
			return a, fmt.Errorf("status %d, answer is not JSON: %w\n%s", a.Status, err, text)
		}
	}
	return a, nil
}

func sendGRPC(ctx context.Context, address string, r Request, body []byte) (Answer, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	name := strings.ReplaceAll(strings.TrimPrefix(r.Method, "/"), "/", ".")
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return Answer{}, fmt.Errorf("method %s: %w", r.Method, err)
	}
	method := descriptor.(protoreflect.MethodDescriptor)
	in, err := message(method.Input())
	if err != nil {
		return Answer{}, err
	}
	if len(body) > 0 {
		if err := protojson.Unmarshal(body, in); err != nil {
			return Answer{}, fmt.Errorf("%s: %w", r.BodyFile, err)
		}
	}
	out, err := message(method.Output())
	if err != nil {
		return Answer{}, err
	}
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(r.Headers))
	if err := conn.Invoke(ctx, r.Method, in, out); err != nil {
		return Answer{Status: int(status.Code(err)), Body: err.Error()}, nil
	}
	spellOut(out)
	text, err := protojson.Marshal(out)
	if err != nil {
		return Answer{}, err
	}
	value, err := decodeJSON(text)
	return Answer{Body: string(text), Value: value}, err
}

func message(d protoreflect.MessageDescriptor) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

// spellOut writes tensors of floats that travel as raw bytes as the numbers that
// they hold.
func spellOut(m proto.Message) {
	switch m := m.(type) {
	case *inference.ModelInferResponse:
		for i, raw := range m.GetRawOutputContents() {
			switch m.GetOutputs()[i].GetDatatype() {
			case "FP32":
				m.GetOutputs()[i].Contents = &inference.InferTensorContents{Fp32Contents: floats(raw)}
			case "FP64":
				m.GetOutputs()[i].Contents = &inference.InferTensorContents{Fp64Contents: doubles(raw)}
			}
		}
	default:
		m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch {
			case f.IsMap() && f.MapValue().Message() != nil:
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					spellOut(v.Message().Interface())
					return true
				})
			case f.Message() != nil && !f.IsList() && !f.IsMap():
				spellOut(v.Message().Interface())
			}
			return true
		})
		tensor, ok := m.(*tensorflow.TensorProto)
		switch {
		case !ok || len(tensor.GetTensorContent()) == 0:
		case tensor.GetDtype() == tensorflow.DataType_DT_FLOAT:
			tensor.FloatVal, tensor.TensorContent = floats(tensor.GetTensorContent()), nil
		case tensor.GetDtype() == tensorflow.DataType_DT_DOUBLE:
			tensor.DoubleVal, tensor.TensorContent = doubles(tensor.GetTensorContent()), nil
		}
	}
}

func floats(raw []byte) []float32 {
	list := make([]float32, len(raw)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return list
}

func doubles(raw []byte) []float64 {
	list := make([]float64, len(raw)/8)
	for i := range list {
		list[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return list
}
