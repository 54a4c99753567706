package conformance

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/seldon"
	"github.com/prime-radiant/radiant/apis/tensorflow"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

func itoa(n int) string { return strconv.Itoa(n) }

// overGRPC checks what gRPC clients see beside the answer itself.
func overGRPC(t *testing.T, start Start) {
	t.Run("metadata", func(t *testing.T) { rpcMetadata(t, start) })
	t.Run("messages pass untouched", func(t *testing.T) { rpcBytes(t, start) })
	t.Run("model names", func(t *testing.T) { rpcModelNames(t, start) })
	t.Run("outputs of a chain", func(t *testing.T) { rpcChainOutputs(t, start) })
	t.Run("a chain whose first node answers no outputs", func(t *testing.T) { emptyChain(t, start) })
	t.Run("raw tensors survive a chain", func(t *testing.T) { rpcRaw(t, start) })
	t.Run("status of a component", func(t *testing.T) { rpcStatus(t, start) })
	t.Run("other methods", func(t *testing.T) { rpcOther(t, start) })
	t.Run("streams", func(t *testing.T) { rpcStreams(t, start) })
	t.Run("Triton's questions", func(t *testing.T) { rpcTriton(t, start) })
	t.Run("server questions", func(t *testing.T) { rpcServer(t, start) })
	t.Run("health and reflection", func(t *testing.T) { rpcReflection(t, start) })
	t.Run("watched health", func(t *testing.T) { rpcWatch(t, start) })
	t.Run("compression", func(t *testing.T) { rpcCompressed(t, start) })
	t.Run("message size", func(t *testing.T) { rpcSize(t, start) })
	t.Run("routing injection", func(t *testing.T) { rpcInjection(t, start) })
}

func rpcMetadata(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1, model("b", 2)))
	for _, puid := range []string{"", "mine"} {
		cs.reset()
		ctx := metadata.AppendToOutgoingContext(soon(t), "authorization", "Bearer x", "many", "1", "many", "2", "trace-bin", "\x01\x02")
		if puid != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "seldon-puid", puid)
		}
		var header metadata.MD
		var out seldon.SeldonMessage
		if err := invoke(ctx, e.at(seldon.Seldon_Predict_FullMethodName), seldonRequest(7), &out, grpc.Header(&header)); err != nil {
			t.Fatal(err)
		}
		back := header.Get("seldon-puid")
		if len(back) != 1 || puid != "" && back[0] != puid || puid == "" && len(back[0]) != 36 {
			t.Errorf("puid %q came back as %q", puid, back)
		}
		for name, s := range cs {
			h := metadata.MD(s.Calls()[0].Header)
			for key, want := range map[string][]string{"authorization": {"Bearer x"}, "many": {"1", "2"}, "trace-bin": {"\x01\x02"}, "seldon-puid": back} {
				if diff := cmp.Diff(want, h.Get(key)); diff != "" {
					t.Errorf("%s got %s: %s", name, key, diff)
				}
			}
		}
	}
	cs["a"].On("/seldon.protos.Model/Predict", stub.Answer{Code: codes.Aborted, Message: "no"})
	var header metadata.MD
	err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), seldonRequest(7), &seldon.SeldonMessage{}, grpc.Header(&header))
	if err == nil || len(header.Get("seldon-puid")) != 1 {
		t.Errorf("a failed call has the headers %v", header)
	}
}

func rpcBytes(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	request := seldonRequest(7)
	request.ProtoReflect().SetUnknown([]byte{0xf8, 0x07, 0x05}) // field 127
	sent, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	cs["a"].On("/seldon.protos.Model/Predict", stub.Answer{Body: sent})
	var out seldon.SeldonMessage
	if err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), request, &out); err != nil {
		t.Fatal(err)
	}
	if got := cs["a"].Calls()[0].Body; string(got) != string(sent) {
		t.Errorf("the component got %q, want %q", got, sent)
	}
	if !proto.Equal(&out, request) {
		t.Errorf("answer is %v", &out)
	}
}

// rpcCompressed checks clients that compress, and servers that answer so.
func rpcCompressed(t *testing.T, start Start) {
	e, cs := launch(t, start, "seldon", model("a", 1))
	for range 2 {
		var out seldon.SeldonMessage
		err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), seldonRequest(7), &out, grpc.UseCompressor(gzip.Name))
		if xs := stub.SeldonNumbers(&out); err != nil || len(xs) != 1 || xs[0] != 71 {
			t.Errorf("answer is %v, %v", &out, err)
		}
		body, err := proto.Marshal(seldonRequest(71))
		if err != nil {
			t.Fatal(err)
		}
		cs["a"].On("/seldon.protos.Model/Predict", stub.Answer{Body: body, Compressor: gzip.Name})
	}
}

func rpcModelNames(t *testing.T, start Start) {
	for _, name := range []string{"", "x"} {
		want := []string{"a", "b"}
		if name != "" {
			want = []string{name, name}
		}
		t.Run("v2 "+name, func(t *testing.T) {
			e, cs := launch(t, start, "v2", model("a", 1, model("b", 2)))
			answer, _ := proto.Marshal(&inference.ModelInferResponse{ModelName: "other", Id: "5", Outputs: []*inference.ModelInferResponse_InferOutputTensor{{Name: "o", Datatype: "FP64"}}})
			var got []string
			for _, s := range cs {
				s.On(inference.GRPCInferenceService_ModelInfer_FullMethodName, stub.Answer{Body: answer})
			}
			request := v2Request(7)
			request.ModelName = name
			if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), request, &inference.ModelInferResponse{}); err != nil {
				t.Fatal(err)
			}
			for _, node := range []string{"a", "b"} {
				var r inference.ModelInferRequest
				if err := proto.Unmarshal(cs[node].Calls()[0].Body, &r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.ModelName)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("tensorflow "+name, func(t *testing.T) {
			e, cs := launch(t, start, "tensorflow", model("a", 1, model("b", 2)))
			answer, _ := proto.Marshal(&tensorflow.PredictResponse{ModelSpec: &tensorflow.ModelSpec{Name: "other"}, Outputs: map[string]*tensorflow.TensorProto{"o": {}}})
			var got []string
			for _, s := range cs {
				s.On(tensorflow.PredictionService_Predict_FullMethodName, stub.Answer{Body: answer})
			}
			request := tensorflowRequest(7)
			request.ModelSpec = &tensorflow.ModelSpec{Name: name, SignatureName: "s"}
			if err := invoke(soon(t), e.at(tensorflow.PredictionService_Predict_FullMethodName), request, &tensorflow.PredictResponse{}); err != nil {
				t.Fatal(err)
			}
			for _, node := range []string{"a", "b"} {
				var r tensorflow.PredictRequest
				if err := proto.Unmarshal(cs[node].Calls()[0].Body, &r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.ModelSpec.Name)
				if node == "a" && r.ModelSpec.SignatureName != "s" {
					t.Errorf("the first component got %v", r.ModelSpec)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func rpcRaw(t *testing.T, start Start) {
	e, _ := launch(t, start, "v2", model("a", 1, model("b", 2)))
	request := v2Request(7)
	request.Inputs[0].Contents = nil
	request.Id = "42"
	request.RawInputContents = [][]byte{[]byte("\x00\x00\x00\x00\x00\x00\x1c\x40")}
	var out inference.ModelInferResponse
	if err := invoke(soon(t), e.at(inference.GRPCInferenceService_ModelInfer_FullMethodName), request, &out); err != nil {
		t.Fatal(err)
	}
	xs := stub.V2Numbers(out.Outputs[0].Datatype, out.Outputs[0].Contents, out.RawOutputContents)
	if len(out.RawOutputContents) != 1 || len(xs) != 1 || xs[0] != 712 || out.Id != "42" {
		t.Errorf("answer is %v", &out)
	}
}

func rpcStatus(t *testing.T, start Start) {
	for _, w := range wires()[3:] {
		e, cs := launch(t, start, w.protocol, model("a", 1))
		cs["a"].Otherwise(func(stub.Call) stub.Answer {
			return stub.Answer{Code: codes.ResourceExhausted, Message: "out of teapots", Details: []protoadapt.MessageV1{protoadapt.MessageV1Of(&seldon.Status{Info: "pot"})}}
		})
		_, err := w.predict(soon(t), e, 7)
		failed(t, w, err, failure{0, codes.ResourceExhausted, "desc = out of teapots"})
		s := grpcstatus.Convert(err)
		if details := s.Details(); s.Message() != "out of teapots" || len(details) != 1 || details[0].(*seldon.Status).GetInfo() != "pot" {
			t.Errorf("error is %v with %v", err, details)
		}
	}
}

func rpcOther(t *testing.T, start Start) {
	t.Run("of another protocol", func(t *testing.T) {
		for _, w := range wires()[3:] {
			e, cs := launch(t, start, w.protocol, model("a", 1))
			for _, other := range wires()[3:] {
				if other.protocol == w.protocol {
					continue
				}
				_, err := other.predict(soon(t), e, 7)
				failed(t, w, err, failure{0, codes.Unimplemented, "this predictor speaks protocol " + w.protocol})
			}
			if len(cs.counts()) != 0 {
				t.Errorf("components were called: %v", cs.counts())
			}
		}
	})
	t.Run("of the same protocol", func(t *testing.T) {
		e, _ := launch(t, start, "v2", model("a", 1))
		for _, method := range []string{"SystemSharedMemoryStatus", "CudaSharedMemoryRegister", "NoSuchMethod"} {
			err := invoke(soon(t), e.at("/inference.GRPCInferenceService/"+method), &inference.ModelConfigRequest{}, &inference.ModelConfigResponse{})
			failed(t, wire{grpc: true}, err, failure{0, codes.Unimplemented, method + " is not served"})
		}
		e, _ = launch(t, start, "tensorflow", model("a", 1))
		err := invoke(soon(t), e.at("/tensorflow.serving.ModelService/HandleReloadConfigRequest"), &tensorflow.PredictRequest{}, &tensorflow.PredictResponse{})
		failed(t, wire{grpc: true}, err, failure{0, codes.Unimplemented, "is not served"})
	})
	t.Run("classification", func(t *testing.T) {
		e, cs := launch(t, start, "tensorflow", model("a", 1))
		var out tensorflow.ClassificationResponse
		request := &tensorflow.ClassificationRequest{ModelSpec: &tensorflow.ModelSpec{Name: "a"}}
		if err := invoke(soon(t), e.at(tensorflow.PredictionService_Classify_FullMethodName), request, &out); err != nil || out.ModelSpec.GetName() != "classified by a" {
			t.Errorf("answer is %v, %v; the component got %v", &out, err, paths(cs["a"].Calls()))
		}
		e, _ = launch(t, start, "tensorflow", model("a", 1, model("b", 2)))
		err := invoke(soon(t), e.at(tensorflow.PredictionService_Classify_FullMethodName), request, &out)
		failed(t, wire{grpc: true}, err, failure{0, codes.Unimplemented, `node "b"`})
	})
}

func rpcServer(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1))
	ctx := soon(t)
	conn, err := dial(e)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	c := inference.NewGRPCInferenceServiceClient(conn)
	if r, err := c.ServerLive(ctx, &inference.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("live is %v, %v", r, err)
	}
	if r, err := c.ServerReady(ctx, &inference.ServerReadyRequest{}); err != nil || !r.Ready {
		t.Errorf("ready is %v, %v", r, err)
	}
	if r, err := c.ServerMetadata(ctx, &inference.ServerMetadataRequest{}); err != nil || r.Name != "sdep" {
		t.Errorf("metadata is %v, %v", r, err)
	}
	cs["a"].Close()
	if r, err := c.ServerReady(ctx, &inference.ServerReadyRequest{}); err != nil || r.Ready {
		t.Errorf("ready without the component is %v, %v", r, err)
	}
}

func rpcReflection(t *testing.T, start Start) {
	for protocol, want := range map[string][]string{
		"seldon":     {"seldon.protos.Seldon"},
		"tensorflow": {"tensorflow.serving.ModelService", "tensorflow.serving.PredictionService"},
		"v2":         {"inference.GRPCInferenceService"},
	} {
		e, cs := launch(t, start, protocol, model("a", 1))
		conn, err := dial(e)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		health := func(service string) string {
			r, err := grpc_health_v1.NewHealthClient(conn).Check(soon(t), &grpc_health_v1.HealthCheckRequest{Service: service})
			if err != nil {
				return err.Error()
			}
			return r.Status.String()
		}
		if health("") != "SERVING" || health(want[0]) != "SERVING" || !strings.Contains(health("zz"), "NotFound") {
			t.Errorf("%s: health is %s, %s, %s", protocol, health(""), health(want[0]), health("zz"))
		}
		cs["a"].Close()
		if health("") != "NOT_SERVING" {
			t.Errorf("%s: health without the component is %s", protocol, health(""))
		}
		services, file := reflect(soon(t), t, conn, want[0])
		for _, service := range want {
			if !slices.Contains(services, service) {
				t.Errorf("%s: services are %v", protocol, services)
			}
		}
		if file == 0 {
			t.Errorf("%s: %s has no descriptor", protocol, want[0])
		}
	}
}

// reflect lists the services, and the number of files that describe one.
func reflect(ctx context.Context, t *testing.T, conn *grpc.ClientConn, symbol string) (services []string, files int) {
	t.Helper()
	stream, err := reflection.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*reflection.ServerReflectionRequest{
		{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}},
		{MessageRequest: &reflection.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol}},
	} {
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range answer.GetListServicesResponse().GetService() {
			services = append(services, s.Name)
		}
		files += len(answer.GetFileDescriptorResponse().GetFileDescriptorProto())
	}
	// Older clients ask the same of the service by its older name.
	older, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
	if err != nil {
		t.Fatal(err)
	}
	if err := older.SendMsg(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	var answer reflection.ServerReflectionResponse
	if err := older.RecvMsg(&answer); err != nil || len(answer.GetListServicesResponse().GetService()) != len(services) {
		t.Errorf("over v1alpha: %v, %v", &answer, err)
	}
	return services, files
}

func rpcSize(t *testing.T, start Start) {
	values := make([]float64, 1_000_000)
	request := seldonRequest(7)
	request.GetData().GetTensor().Values = values
	e, _ := launch(t, start, "seldon", model("a", 1))
	large := []grpc.CallOption{grpc.MaxCallRecvMsgSize(1 << 30), grpc.MaxCallSendMsgSize(1 << 30)}
	var out seldon.SeldonMessage
	if err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), request, &out, large...); err != nil || len(stub.SeldonNumbers(&out)) != len(values) {
		t.Errorf("8 MB: %d numbers, %v", len(stub.SeldonNumbers(&out)), err)
	}
	cs := components{}
	l := launchOf(t, "seldon", model("a", 1).build(t, "seldon", cs))
	annotation := "seldon.io/grpc-max-message-size=\"1000\"\nkubernetes.io/x=\"a=b\"\n"
	if err := os.WriteFile(filepath.Join(l.Env["RADIANT_PODINFO"], "annotations"), []byte(annotation), 0o600); err != nil {
		t.Fatal(err)
	}
	e = start(t, l)
	err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), request, &out, large...)
	failed(t, wire{grpc: true}, err, failure{0, codes.ResourceExhausted, "larger than max"})
}

func rpcInjection(t *testing.T, start Start) {
	cs := components{}
	l := launchOf(t, "seldon", router("r", 1, model("a", 1), model("b", 2)).build(t, "seldon", cs))
	l.Env["SELDON_ENABLE_ROUTING_INJECTION"] = "1"
	e := start(t, l)
	for _, meta := range []*seldon.Meta{nil, {Puid: "p", Routing: map[string]int32{"x": 9}}} {
		request := seldonRequest(7)
		request.Meta = meta
		var out seldon.SeldonMessage
		if err := invoke(soon(t), e.at(seldon.Seldon_Predict_FullMethodName), request, &out); err != nil {
			t.Fatal(err)
		}
		want := map[string]int32{"r": 1, "b": -1}
		if meta == nil {
			want = nil
		}
		if diff := cmp.Diff(want, out.GetMeta().GetRouting()); diff != "" {
			t.Errorf("meta %v: %s", meta, diff)
		}
	}
}
