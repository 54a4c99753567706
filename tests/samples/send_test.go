package samples

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

// answer is what came back: the status, the body as text and as JSON.
type answer struct {
	status int
	body   string
	value  any
}

func send(t *testing.T, address, folder string, r request) (answer, error) {
	t.Helper()
	var body []byte
	if r.BodyFile != "" {
		var err error
		if body, err = os.ReadFile(filepath.Join(folder, r.BodyFile)); err != nil {
			return answer{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if r.Transport == "grpc" {
		return sendGRPC(ctx, address, r, body)
	}
	return sendREST(ctx, address, r, body)
}

func sendREST(ctx context.Context, address string, r request, body []byte) (answer, error) {
	verb := http.MethodPost
	if r.BodyFile == "" {
		verb = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, verb, "http://"+address+r.Path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range r.Headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, body: string(text)}
	if len(r.expected()) > 0 {
		if a.value, err = decodeJSON(text); err != nil {
			return a, fmt.Errorf("status %d, answer is not JSON: %w\n%s", a.status, err, text)
		}
	}
	return a, nil
}

func sendGRPC(ctx context.Context, address string, r request, body []byte) (answer, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	name := strings.ReplaceAll(strings.TrimPrefix(r.Method, "/"), "/", ".")
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return answer{}, fmt.Errorf("method %s: %w", r.Method, err)
	}
	method := descriptor.(protoreflect.MethodDescriptor)
	in, err := message(method.Input())
	if err != nil {
		return answer{}, err
	}
	if len(body) > 0 {
		if err := protojson.Unmarshal(body, in); err != nil {
			return answer{}, fmt.Errorf("%s: %w", r.BodyFile, err)
		}
	}
	out, err := message(method.Output())
	if err != nil {
		return answer{}, err
	}
	ctx = metadata.NewOutgoingContext(ctx, metadata.New(r.Headers))
	if err := conn.Invoke(ctx, r.Method, in, out); err != nil {
		return answer{status: int(status.Code(err)), body: err.Error()}, nil
	}
	spellOut(out)
	text, err := protojson.Marshal(out)
	if err != nil {
		return answer{}, err
	}
	value, err := decodeJSON(text)
	return answer{body: string(text), value: value}, err
}

func message(d protoreflect.MessageDescriptor) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return kind.New().Interface(), nil
}

// spellOut writes float32 tensors that travel as raw bytes as the numbers that
// they hold.
func spellOut(m proto.Message) {
	switch m := m.(type) {
	case *inference.ModelInferResponse:
		for i, raw := range m.GetRawOutputContents() {
			if m.GetOutputs()[i].GetDatatype() == "FP32" {
				m.GetOutputs()[i].Contents = &inference.InferTensorContents{Fp32Contents: floats(raw)}
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
		if tensor, ok := m.(*tensorflow.TensorProto); ok && tensor.GetDtype() == tensorflow.DataType_DT_FLOAT && len(tensor.GetTensorContent()) > 0 {
			tensor.FloatVal, tensor.TensorContent = floats(tensor.GetTensorContent()), nil
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

func readJSON(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	value, err := decodeJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// compare says where got is not as expected: each key of an expected object
// must be there, lists have equal length, numbers may be off by tolerance.
func compare(path string, want, got any, tolerance float64) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: got %v, want an object", path, got)
		}
		for key, value := range want {
			if err := compare(path+"."+key, value, object[key], tolerance); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%s: got %v, want %d elements", path, got, len(want))
		}
		for i := range want {
			if err := compare(fmt.Sprintf("%s[%d]", path, i), want[i], list[i], tolerance); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		if number, ok := got.(json.Number); ok && near(want, number, tolerance) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s: got %v, want %v", path, got, want)
}

func near(want, got json.Number, tolerance float64) bool {
	if want == got {
		return true
	}
	a, errA := want.Float64()
	b, errB := got.Float64()
	return errA == nil && errB == nil && math.Abs(a-b) <= tolerance
}
