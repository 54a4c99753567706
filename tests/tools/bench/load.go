package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
)

const payload = `{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}`

// component is the node behind all programs. It answers each request by the
// same bytes, with as little work as can be.
type component struct {
	httpPort, grpcPort int
	close              func()
}

func startComponent() (*component, error) {
	h, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		var m raw
		return errors.Join(s.RecvMsg(&m), s.SendMsg(&m))
	}))
	go func() { _ = server.Serve(g) }()
	go serve(h)
	return &component{
		httpPort: h.Addr().(*net.TCPAddr).Port, grpcPort: g.Addr().(*net.TCPAddr).Port,
		close: func() { _ = h.Close(); server.Stop() },
	}, nil
}

// serve answers each request whose body is the payload.
func serve(l net.Listener) {
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(payload)) + "\r\n\r\n" + payload)
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			_ = exchanges(conn, answer)
		}()
	}
}

func exchanges(conn net.Conn, answer []byte) error {
	buffer := make([]byte, 8192)
	for {
		if err := receive(conn, buffer); err != nil {
			return err
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
}

// receive reads up to the end of a message, which is the payload.
func receive(conn net.Conn, buffer []byte) error {
	for n := 0; ; {
		read, err := conn.Read(buffer[n:])
		if err != nil {
			return err
		}
		if n += read; bytes.HasSuffix(buffer[:n], []byte(payload)) {
			return nil
		}
	}
}

// overREST sends on connections that stay open.
func overREST(name string, _ *component) *program {
	var conns [connections]net.Conn
	request := []byte("POST /api/v1.0/predictions HTTP/1.1\r\nHost: x\r\nUser-Agent: bench\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: " +
		strconv.Itoa(len(payload)) + "\r\n\r\n" + payload)
	p := &program{name: name}
	p.dial = func(address string) error {
		for i := range conns {
			var err error
			if conns[i], err = net.Dial("tcp", address); err != nil {
				return err
			}
		}
		return nil
	}
	p.load = func(_ context.Context, requests int) error {
		return together(func(i int) error {
			buffer := make([]byte, 8192)
			for range requests / connections {
				if _, err := conns[i].Write(request); err != nil {
					return err
				}
				if err := receive(conns[i], buffer); err != nil {
					return fmt.Errorf("after %q: %w", strings.SplitN(string(buffer), "\r\n", 2)[0], err)
				}
			}
			return nil
		})
	}
	return p
}

// channels is how many connections gRPC clients share.
const channels = 4

func overGRPC(name string) *program {
	var conns [channels]*grpc.ClientConn
	p := &program{name: name}
	p.dial = func(address string) error {
		for i := range conns {
			var err error
			if conns[i], err = grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}))); err != nil {
				return err
			}
		}
		return nil
	}
	message, err := proto.Marshal(&seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_StrData{StrData: payload}})
	p.load = func(ctx context.Context, requests int) error {
		if err != nil {
			return err
		}
		return together(func(i int) error {
			for range requests / connections {
				in, out := raw(message), raw(nil)
				if err := conns[i%channels].Invoke(ctx, seldon.Seldon_Predict_FullMethodName, &in, &out); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return p
}

// together runs f for each connection.
func together(f func(i int) error) error {
	var wait sync.WaitGroup
	errs := make([]error, connections)
	for i := range errs {
		wait.Go(func() { errs[i] = f(i) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// raw is a gRPC message as bytes.
type raw []byte

type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*raw))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*raw) = data.Materialize()
	return nil
}
