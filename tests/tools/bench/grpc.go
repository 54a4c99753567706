package main

import (
	"context"
	"fmt"
	"math"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// channels is how many connections gRPC clients share, as far as there are that
// many.
const channels = 4

// grpcClient makes one call again and again; callers share connections.
type grpcClient struct {
	message []byte
	conns   []*grpc.ClientConn
}

func (c *grpcClient) dial(address string, connections int) error {
	for range min(channels, connections) {
		conn, err := dialRaw(address)
		if err != nil {
			return err
		}
		c.conns = append(c.conns, conn)
	}
	return nil
}

func dialRaw(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallRecvMsgSize(math.MaxInt32)))
}

func (c *grpcClient) call(ctx context.Context, i int) error {
	in, out := raw(c.message), raw(nil)
	if err := c.conns[i%len(c.conns)].Invoke(ctx, seldon.Seldon_Predict_FullMethodName, &in, &out); err != nil {
		return err
	}
	if len(out) == 0 {
		return fmt.Errorf("an empty answer")
	}
	return nil
}

func (c *grpcClient) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
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
