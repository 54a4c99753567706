package upstream

import (
	"errors"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"  // clients and servers may compress
	_ "google.golang.org/grpc/encoding/proto" // the codec of messages that are not frames
	"google.golang.org/grpc/mem"
)

// Frame is a gRPC message as bytes: Body and Tail, one after the other.
// Received frames have no tail.
type Frame struct{ Body, Tail []byte }

// Codec passes frames through and leaves all other messages to protobuf. It
// goes by protobuf's name, so that the content type on the wire is the usual.
type Codec struct{}

// Name is the name of protobuf's codec.
func (Codec) Name() string { return "proto" }

// Marshal does not copy a frame's bytes; they must not change any more.
func (c Codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*Frame)
	switch {
	case !ok:
		return encoding.GetCodecV2(c.Name()).Marshal(v)
	case len(f.Tail) == 0:
		return mem.BufferSlice{mem.SliceBuffer(f.Body)}, nil
	}
	return mem.BufferSlice{mem.SliceBuffer(f.Body), mem.SliceBuffer(f.Tail)}, nil
}

// Unmarshal copies the bytes into a frame, out of gRPC's own buffers.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*Frame)
	if !ok {
		return encoding.GetCodecV2(c.Name()).Unmarshal(data, v)
	}
	f.Body = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = Codec{}

var errClosed = errors.New("connections are closed")
