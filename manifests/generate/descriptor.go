package main

import (
	"encoding/base64"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"

	"github.com/prime-radiant/radiant/apis/inference"
)

// descriptor writes the messages of apis/inference as Python reads them, whatever
// version of protobuf it has: what protoc generates asks for its own or a newer one.
func descriptor() string {
	const columns = 110
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(protodesc.ToFileDescriptorProto(inference.File_inference_inference_proto))
	if err != nil {
		panic("the descriptor of apis/inference: " + err.Error())
	}
	text := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	b.WriteString("_DESCRIPTOR = (\n")
	for len(text) > 0 {
		n := min(columns, len(text))
		fmt.Fprintf(&b, "    %q\n", text[:n])
		text = text[n:]
	}
	b.WriteString(")\n")
	return b.String()
}
