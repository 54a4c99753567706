package stub

import (
	"fmt"

	"google.golang.org/grpc/mem"
)

// raw is a gRPC message as bytes.
type raw []byte

type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	r, ok := v.(*raw)
	if !ok {
		return nil, fmt.Errorf("marshalling %T: want bytes", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*r)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*raw)
	if !ok {
		return fmt.Errorf("unmarshalling %T: want bytes", v)
	}
	*r = data.Materialize()
	return nil
}
