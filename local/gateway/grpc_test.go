package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/prime-radiant/radiant/local/localtest"
)

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (rawCodec) Name() string { return "proto" }

// grpcBackend is a backend whose server answers every method by handler.
func grpcBackend(t *testing.T, name string, handler grpc.StreamHandler) *Backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(rawCodec{}), grpc.UnknownServiceHandler(handler))
	go server.Serve(l)
	t.Cleanup(server.Stop)
	return NewBackend(name, Addresses{GRPC: l.Addr().String()}, always)
}

// echo returns each message behind a prefix, and what it saw in a trailer.
func echo(prefix string) grpc.StreamHandler {
	return func(_ any, s grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(s)
		md, _ := metadata.FromIncomingContext(s.Context())
		s.SetHeader(metadata.Pairs("x-method", method))
		s.SetTrailer(metadata.Pairs("x-seldon", strings.Join(md.Get("seldon"), ",")))
		for {
			var m []byte
			if err := s.RecvMsg(&m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if string(m) == "fail" {
				return status.Error(codes.DataLoss, "100% lost: ümlaut")
			}
			m = append([]byte(prefix), m...)
			if err := s.SendMsg(&m); err != nil {
				return err
			}
		}
	}
}

func dialGRPC(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func metadataContext(md ...string) context.Context {
	return metadata.AppendToOutgoingContext(context.Background(), md...)
}

func call(conn *grpc.ClientConn, body string, md ...string) (answer string, header, trailer metadata.MD, err error) {
	ctx := metadataContext(md...)
	in, out := []byte(body), []byte(nil)
	err = conn.Invoke(ctx, "/seldon.protos.Seldon/Predict", &in, &out, grpc.Header(&header), grpc.Trailer(&trailer))
	return string(out), header, trailer, err
}

func TestGRPCGoesByMetadata(t *testing.T) {
	a := grpcBackend(t, "a", echo("a "))
	b := grpcBackend(t, "b", echo("b "))
	_, address := startGateway(t, first,
		&Deployment{Namespace: "default", Name: "one", Shares: []Share{{Backend: a}}},
		&Deployment{Namespace: "left", Name: "two", Shares: []Share{{Backend: a}}},
		&Deployment{Namespace: "right", Name: "two", Shares: []Share{{Backend: b}}},
		&Deployment{Namespace: "default", Name: "asleep", Shares: []Share{{Backend: NewBackend("main", Addresses{GRPC: "127.0.0.1:1"}, never)}}},
		&Deployment{Namespace: "default", Name: "gone", Shares: []Share{{Backend: NewBackend("main", Addresses{GRPC: "127.0.0.1:1"}, always)}}},
	)
	conn := dialGRPC(t, address)
	for _, one := range []struct {
		md      []string
		answer  string
		code    codes.Code
		message string
	}{
		{[]string{"seldon", "one", "namespace", "default"}, "a x", codes.OK, ""},
		{[]string{"seldon", "one"}, "a x", codes.OK, ""},
		{[]string{"seldon", "two", "namespace", "right"}, "b x", codes.OK, ""},
		{[]string{"seldon", "two"}, "", codes.NotFound, "in several namespaces"},
		{[]string{"seldon", "three"}, "", codes.NotFound, "served here: default/asleep, default/gone, default/one, left/two, right/two"},
		{[]string{"seldon", "one", "namespace", "left"}, "", codes.NotFound, "no deployment one in namespace left"},
		{nil, "", codes.InvalidArgument, `the metadata lacks "seldon"`},
		{[]string{"seldon", "asleep"}, "", codes.Unavailable, "predictor main of deployment default/asleep is not ready"},
		{[]string{"seldon", "gone"}, "", codes.Unavailable, "refused"},
	} {
		answer, header, trailer, err := call(conn, "x", one.md...)
		if answer != one.answer || status.Code(err) != one.code || !strings.Contains(status.Convert(err).Message(), one.message) {
			t.Errorf("%v: answer %q, error %v; want %q, %v with %q", one.md, answer, err, one.answer, one.code, one.message)
		}
		if err != nil {
			continue
		}
		if got := header.Get("x-method"); len(got) != 1 || got[0] != "/seldon.protos.Seldon/Predict" {
			t.Errorf("%v: header x-method %v", one.md, got)
		}
		if got := trailer.Get("x-seldon"); len(got) != 1 || got[0] != one.md[1] {
			t.Errorf("%v: trailer x-seldon %v", one.md, got)
		}
	}
}

func TestGRPCStatusComesThrough(t *testing.T) {
	_, address := startGateway(t, first, single("one", grpcBackend(t, "a", echo(""))))
	_, _, _, err := call(dialGRPC(t, address), "fail", "seldon", "one")
	if status.Code(err) != codes.DataLoss || status.Convert(err).Message() != "100% lost: ümlaut" {
		t.Errorf("got %v", err)
	}
}

func TestGRPCStreamsInBothDirections(t *testing.T) {
	_, address := startGateway(t, first, single("one", grpcBackend(t, "a", echo("> "))))
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(), "seldon", "one"))
	defer cancel()
	s, err := dialGRPC(t, address).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/any.Service/Chat")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two", "three"} {
		in, out := []byte(word), []byte(nil)
		if err := s.SendMsg(&in); err != nil {
			t.Fatal(err)
		}
		if err := s.RecvMsg(&out); err != nil || string(out) != "> "+word {
			t.Fatalf("got %q, %v", out, err)
		}
	}
	s.CloseSend()
	var out []byte
	if err := s.RecvMsg(&out); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestGRPCIsMirrored(t *testing.T) {
	copies := make(chan string, 1)
	shadow := grpcBackend(t, "shadow", func(_ any, s grpc.ServerStream) error {
		var m []byte
		err := s.RecvMsg(&m)
		copies <- string(m)
		return err
	})
	one := single("one", grpcBackend(t, "a", echo("a ")))
	one.Shadow, one.Percent = shadow, 100
	_, address := startGateway(t, first, one)
	answer, _, _, err := call(dialGRPC(t, address), "hello", "seldon", "one")
	if err != nil || answer != "a hello" {
		t.Errorf("got %q, %v", answer, err)
	}
	if got := <-copies; got != "hello" {
		t.Errorf("the shadow got %q", got)
	}
}

func TestAGRPCClientThatLeavesCancelsTheWork(t *testing.T) {
	left := make(chan struct{})
	var arrived atomic.Bool
	b := grpcBackend(t, "a", func(_ any, s grpc.ServerStream) error {
		arrived.Store(true)
		<-s.Context().Done()
		close(left)
		return s.Context().Err()
	})
	_, address := startGateway(t, first, single("one", b))
	conn := dialGRPC(t, address)
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(), "seldon", "one"))
	done := make(chan error)
	go func() {
		in, out := []byte("x"), []byte(nil)
		done <- conn.Invoke(ctx, "/a.B/C", &in, &out)
	}()
	localtest.Eventually(t, "the call has arrived", arrived.Load)
	cancel()
	if err := <-done; status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
	<-left
}
