package kafka

import (
	"context"
	"fmt"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/net/http/httpguts"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Headers of records, as they are written; they are read in any case.
const (
	puidHeader      = "Seldon-Puid"
	contentType     = "Content-Type"
	contentEncoding = "Content-Encoding"
	jsonLength      = "Inference-Header-Content-Length"
	// typeHeader names the protobuf message that a value holds.
	typeHeader = "proto-name"
)

const jsonType = "application/json"

// request is what a record asks.
type request struct {
	ctx     context.Context
	message message.Message
	// answer is the type of the protobuf message that answers it.
	answer string
}

// reader makes requests of records.
type reader struct {
	limit   int64
	newPuid func() string
	// inputs are the protobuf messages that are taken, by their names; usual is
	// the one that is meant where no name is given. Empty over REST.
	inputs map[string]input
	usual  string
}

// input is a protobuf message that can be asked with.
type input struct {
	method *protocol.Method
	answer string
}

func newReader(o *Options) (*reader, error) {
	r := &reader{limit: o.MaxRequestBytes, newPuid: o.NewPuid}
	if o.Transport == protocol.REST {
		return r, nil
	}
	r.inputs = map[string]input{}
	for i := range o.Protocol.Methods {
		m := &o.Protocol.Methods[i]
		if m.Action != protocol.Predict {
			continue
		}
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(m.Service + "." + m.Name))
		if err != nil {
			return nil, fmt.Errorf("looking up the messages of %s: %w", m.Name, err)
		}
		d, ok := found.(protoreflect.MethodDescriptor)
		if !ok {
			return nil, fmt.Errorf("looking up the messages of %s: it is no method", m.Name)
		}
		name := string(d.Input().FullName())
		r.inputs[name] = input{method: m, answer: string(d.Output().FullName())}
		if m.Verb == "" {
			r.usual = name
		}
	}
	return r, nil
}

// read makes a request of a record. The puid is there even if there is an
// error.
func (r *reader) read(ctx context.Context, in *kgo.Record, lease *message.Lease) (request, string, error) {
	meta := &message.Meta{Puid: header(in, puidHeader), Limit: r.limit, Lease: lease}
	if meta.Puid == "" || !httpguts.ValidHeaderFieldValue(meta.Puid) {
		meta.Puid = r.newPuid()
	}
	q := request{ctx: ctx, message: message.Message{Body: in.Value, Meta: meta}}
	if int64(len(in.Value)) > r.limit {
		return q, meta.Puid, protocol.Errorf(protocol.TooLarge, "the record is larger than the limit of %d bytes (--max_request_bytes)", r.limit)
	}
	if r.inputs == nil {
		return q, meta.Puid, q.overREST(in)
	}
	return q, meta.Puid, r.overGRPC(&q, in)
}

// unfit headers belong to a connection or are said anew for each call.
// Compressed answers are of no use in a record.
var unfit = [...]string{
	"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func (q *request) overREST(in *kgo.Record) error {
	m, meta := &q.message, q.message.Meta
	// Two more than there are headers: type and puid.
	header := make(map[string][]string, len(in.Headers)+2)
	for _, h := range in.Headers {
		// What cannot stand in a header of HTTP is for other readers.
		name := textproto.CanonicalMIMEHeaderKey(h.Key)
		if httpguts.ValidHeaderFieldName(name) && httpguts.ValidHeaderFieldValue(string(h.Value)) && !slices.Contains(unfit[:], name) {
			header[name] = append(header[name], string(h.Value))
		}
	}
	if len(header[contentType]) == 0 {
		header[contentType] = []string{jsonType}
	}
	header[puidHeader] = []string{meta.Puid}
	meta.Header = message.NewHeader(header)
	m.Type = header[contentType][0]
	if v := header[contentEncoding]; len(v) > 0 {
		m.Encoding = v[0]
	}
	if v := header[jsonLength]; len(v) > 0 {
		if err := m.SetJSONLength(v[0]); err != nil {
			return protocol.Errorf(protocol.Invalid, "%s: %w", jsonLength, err)
		}
	}
	return nil
}

func (r *reader) overGRPC(q *request, in *kgo.Record) error {
	name := header(in, typeHeader)
	if name == "" {
		name = r.usual
	}
	k, ok := r.inputs[name]
	if !ok {
		return protocol.Errorf(protocol.Invalid, "header %s is %q: this predictor takes %s", typeHeader, name, strings.Join(r.names(), ", "))
	}
	meta := q.message.Meta
	meta.Model = message.Model{Name: protocol.StringAt(in.Value, k.method.Model), Verb: k.method.Verb}
	md := make(metadata.MD, len(in.Headers)+1)
	for _, h := range in.Headers {
		if key := strings.ToLower(h.Key); fitsMetadata(key, h.Value) {
			md[key] = append(md[key], string(h.Value))
		}
	}
	md[strings.ToLower(puidHeader)] = []string{meta.Puid}
	// Traces are looked for in what comes in.
	q.ctx = metadata.NewOutgoingContext(metadata.NewIncomingContext(q.ctx, md), md)
	q.answer = k.answer
	return nil
}

func (r *reader) names() []string {
	var names []string
	for name := range r.inputs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// fitsMetadata tells whether gRPC would take a header, and take it for ours.
func fitsMetadata(key string, value []byte) bool {
	if key == "" || strings.HasPrefix(key, "grpc-") || slices.Contains(unfit[:], textproto.CanonicalMIMEHeaderKey(key)) || key == "content-type" {
		return false
	}
	for _, c := range []byte(key) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	for _, c := range value {
		if (c < ' ' || c > '~') && !strings.HasSuffix(key, "-bin") {
			return false
		}
	}
	return true
}

// header is the last value of a record's header, whatever its case.
func header(r *kgo.Record, name string) string {
	for _, h := range slices.Backward(r.Headers) {
		if strings.EqualFold(h.Key, name) {
			return string(h.Value)
		}
	}
	return ""
}

// reply is the record that answers another.
func reply(topic string, in *kgo.Record, q *request, m message.Message) *kgo.Record {
	m = m.Whole()
	out := &kgo.Record{Topic: topic, Key: in.Key, Value: m.Body}
	out.Headers = append(out.Headers, text(puidHeader, q.message.Meta.Puid))
	if q.answer != "" {
		out.Headers = append(out.Headers, text(typeHeader, q.answer))
	}
	if m.Type != "" {
		out.Headers = append(out.Headers, text(contentType, m.Type))
	}
	if m.Encoding != "" {
		out.Headers = append(out.Headers, text(contentEncoding, m.Encoding))
	}
	if m.JSONLength > 0 {
		out.Headers = append(out.Headers, text(jsonLength, strconv.Itoa(m.JSONLength)))
	}
	return out
}

func text(name, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: name, Value: []byte(value)}
}
