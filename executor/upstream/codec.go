package upstream

import (
	"errors"
	"slices"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip"  // clients and servers may compress
	_ "google.golang.org/grpc/encoding/proto" // the codec of messages that are not frames
	"google.golang.org/grpc/mem"
)

// Frame is a gRPC message as bytes: Body or Parts, and Tail behind it. Received
// frames have no tail, and parts if they are large, which are to be freed.
type Frame struct {
	Body, Tail []byte
	Parts      mem.BufferSlice
	// Sent, if not nil, is told when all of a frame is with the kernel, or never
	// will be. The parts of such a frame are its own and are freed by then.
	Sent func()
}

// Whole is the frame's body in one piece; its parts are freed.
func (f *Frame) Whole() []byte {
	if f.Parts != nil {
		f.Body = f.Parts.Materialize()
		f.Parts.Free()
		f.Parts = nil
	}
	return f.Body
}

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
	case len(f.Tail) == 0 && f.Parts == nil && f.Sent == nil:
		return mem.BufferSlice{mem.SliceBuffer(f.Body)}, nil
	}
	// gRPC frees what it is given.
	if f.Sent == nil {
		f.Parts.Ref()
	}
	all := slices.Concat(f.Parts, mem.BufferSlice{mem.SliceBuffer(f.Body), mem.SliceBuffer(f.Tail)})
	if f.Sent != nil {
		all = told(all, f.Sent)
	}
	return all, nil
}

// told has sent called when the last bytes of a message are freed: they are in a
// buffer of their own.
func told(all mem.BufferSlice, sent func()) mem.BufferSlice {
	const last = 16
	for i := len(all) - 1; i >= 0; i-- {
		bytes := all[i].ReadOnlyData()
		if len(bytes) < last {
			continue
		}
		// A buffer below a certain capacity would not come back.
		end := append(make([]byte, 0, 4<<10), bytes[len(bytes)-last:]...)
		tail := mem.NewBuffer(&end, onFree(sent))
		begin := all[i].Slice(0, len(bytes)-last)
		all[i].Free()
		return slices.Concat(all[:i], mem.BufferSlice{begin, tail}, all[i+1:])
	}
	sent()
	return all
}

// onFree is a pool that is told when its one buffer comes back.
type onFree func()

func (onFree) Get(n int) *[]byte { b := make([]byte, n); return &b }

func (f onFree) Put(*[]byte) { f() }

// Unmarshal copies the bytes of a small message into a frame, out of gRPC's own
// buffers. A large one keeps them.
func (c Codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*Frame)
	if !ok {
		return encoding.GetCodecV2(c.Name()).Unmarshal(data, v)
	}
	if data.Len() >= Large {
		data.Ref()
		f.Parts = slices.Clone(data)
		return nil
	}
	f.Body = data.Materialize()
	return nil
}

var _ encoding.CodecV2 = Codec{}

var errClosed = errors.New("connections are closed")
