package main

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// The protocols, as the tables and -only name them.
const (
	rest = "REST"
	rpc  = "gRPC"
)

// client sends one request, whatever protocol it is in.
type client interface {
	// dial opens so many connections.
	dial(address string, connections int) error
	// call makes request number i of those that are under way at once.
	call(ctx context.Context, i int) error
	close()
}

// newClient makes a client whose request has about so many bytes, rows of which the
// first number makes a router take its first child.
func newClient(protocol string, size int) client {
	if protocol == rest {
		return newREST(jsonBody(size))
	}
	return &grpcClient{message: protoBody(size)}
}

// jsonBody is a seldon message of four numbers a row.
func jsonBody(size int) []byte {
	const start, row, end = `{"data":{"ndarray":[[0.1,3.5,1.4,0.2]`, `,[5.1,3.5,1.4,0.2]`, `]}}`
	rows := max(0, (size-len(start)-len(end))/len(row))
	return []byte(start + strings.Repeat(row, rows) + end)
}

func protoBody(size int) []byte {
	values := make([]float64, 4*max(1, (size-16)/32))
	for i := range values {
		values[i] = 0.1 + float64(i%7)
	}
	m := &seldon.SeldonMessage{DataOneof: &seldon.SeldonMessage_Data{Data: &seldon.DefaultData{
		DataOneof: &seldon.DefaultData_Tensor{Tensor: &seldon.Tensor{Shape: []int32{int32(len(values) / 4), 4}, Values: values}},
	}}}
	body, _ := proto.Marshal(m) // A message of numbers has bytes always.
	return body
}

// pictureBody is an image of 28 x 28 numbers as a seldon message.
func pictureBody() []byte {
	var b strings.Builder
	b.WriteString(`{"data":{"ndarray":[[`)
	for y := range 28 {
		if y > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('[')
		for x := range 28 {
			if x > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%.6f", float64(x*y%29)/29+0.001)
		}
		b.WriteByte(']')
	}
	b.WriteString("]]}}")
	return []byte(b.String())
}

// size is about a number of bytes in words.
func size(bytes int) string {
	switch {
	case bytes >= 1_000_000:
		return fmt.Sprintf("%d MB", bytes/1_000_000)
	case bytes >= 1000:
		return fmt.Sprintf("%d kB", bytes/1000)
	}
	return fmt.Sprintf("%d B", bytes)
}
