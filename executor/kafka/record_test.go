package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/grpc/metadata"

	"github.com/prime-radiant/radiant/executor/protocol"
)

// FuzzRecord makes a request of any record. What becomes a header of HTTP or
// metadata of gRPC has to be fit for it.
func FuzzRecord(f *testing.F) {
	f.Add("Content-Type", []byte("application/json"), []byte(`{"data":{"ndarray":[1]}}`))
	f.Add("seldon-puid", []byte("a\r\nb"), []byte{})
	f.Add("Inference-Header-Content-Length", []byte("9"), []byte("{}"))
	f.Add("proto-name", []byte("tensorflow.serving.PredictRequest"), []byte{0x0a, 0x03, 0x0a, 0x01, 'm'})
	f.Add("x-bin", []byte{0, 0xff}, []byte{0x0a, 0x7f})
	f.Add("grpc-timeout", []byte("1n"), []byte{})
	f.Add("Transfer-Encoding", []byte("chunked"), []byte{})
	var readers []*reader
	for _, p := range protocol.All() {
		for _, transport := range []protocol.Transport{protocol.REST, protocol.GRPC} {
			r, err := newReader(&Options{Protocol: p, Transport: transport, MaxRequestBytes: 1 << 20, NewPuid: func() string { return "fresh" }})
			if err != nil {
				f.Fatal(err)
			}
			readers = append(readers, r)
		}
	}
	f.Fuzz(func(t *testing.T, key string, header, value []byte) {
		in := &kgo.Record{Value: value, Headers: []kgo.RecordHeader{{Key: key, Value: header}, {Key: key, Value: []byte("second")}}}
		for _, r := range readers {
			q, puid, err := r.read(t.Context(), in, nil)
			if puid == "" || !httpguts.ValidHeaderFieldValue(puid) {
				t.Errorf("puid is %q", puid)
			}
			if err != nil {
				_ = failed("errors", in, puid, protocol.REST, err)
				continue
			}
			for name, values := range q.message.Meta.Header.Fields() {
				for _, v := range values {
					if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(v) {
						t.Errorf("header %q: %q", name, v)
					}
				}
			}
			md, _ := metadata.FromOutgoingContext(q.ctx)
			for name := range md {
				if !httpguts.ValidHeaderFieldName(name) {
					t.Errorf("metadata %q", name)
				}
			}
			if q.message.JSONLength > len(value) {
				t.Errorf("the JSON of %d bytes has %d", len(value), q.message.JSONLength)
			}
		}
	})
}
