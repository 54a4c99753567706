// Package translate rewrites inference requests and answers from one wire
// protocol into another, exactly or not at all. It knows bytes, not sockets.
//
// # The way of a message
//
// A request goes through three steps, and its answer through the same three
// back. The [Exchange] of the request remembers what the answer needs to know.
//
//	step     request                  answer                    file
//	decode   codec.decodeRequest      codec.decodeResponse      of the form
//	address  Exchange.address         Exchange.name             exchange.go
//	encode   codec.encodeRequest      codec.encodeResponse      of the form
//
// Decoding makes a content of the bytes: tensors, and what the message says
// about them. Addressing gives tensors the names and types that the server has,
// on the way back those that the client asked for. Encoding writes the bytes.
// The table of forms, and what a content is, are in codec.go.
//
//	form             decode and encode    elements of a tensor
//	SeldonJSON       seldon_json.go       executor/tensor (JSON)
//	SeldonProto      seldon_proto.go      seldon_proto.go, value.go (structpb)
//	TensorFlowJSON   tensorflow_json.go   executor/tensor (JSON)
//	TensorFlowProto  tensorflow_proto.go  tensorflow_tensor.go (TensorProto)
//	V2JSON           v2_json.go           executor/tensor (JSON, bytes behind it)
//	V2Proto          v2_proto.go          v2_contents.go (typed or raw contents)
//	BentoJSON        bento.go, of answers executor/tensor (JSON)
//	                 bento_answer.go
//
// A Bento's requests are addressed to the parameters of a route, which
// bento_schema.go reads: addressBento in bento.go does what Exchange.address does
// for the others.
//
// What the two seldon forms have in common is in seldon.go: in which field of
// data an answer is written, and the names of its columns. Types of elements
// are converted by executor/tensor alone ([tensor.Tensor.As]), and so is how many
// digits a number gets in JSON (number.go there): FP16 and BF16 that came as bits
// are written as the FP32 of the same value.
//
// # The way of jsonData
//
// Seldon's jsonData may be any JSON. Where it is a request of the server's own
// it passes as it stands, and so does the answer; else the tensors in it take
// the way above. All of this is in jsondata.go, a jsonData in each row of the
// table.
//
// # What stays within one protocol
//
// [Chain] makes an answer the next node's request, [Join] several answers one
// request, [Combine] several answers one answer (with meta.go), [Branch] reads a
// router's answer, [Answer] makes a configured JSON answer one of gRPC.
// [ParseSpec] (spec.go) reads what a server tells of its model.
package translate
