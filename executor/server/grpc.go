package server

import (
	"bytes"
	"context"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/executor/wire/http2"
)

// version is what servers of the open inference protocol say of themselves.
const version = "1"

// Keys of metadata.
const (
	puidKey      = "seldon-puid"
	predictorKey = "seldon-predictor"
	routeKey     = "seldon-route"
	versionKey   = "seldon-model-version"
)

// rpc answers the gRPC listener.
type rpc struct {
	options  Options
	pool     message.Pool
	draining *atomic.Bool
	pace     *pacer
	failures *failures
}

func newRPC(o Options, draining *atomic.Bool, pace *pacer) *rpc {
	s := &rpc{options: o, draining: draining, pace: pace, failures: newFailures(&o)}
	s.options.lend(&s.pool)
	return s
}

// handler is gRPC as a handler of net/http: all of it on the port of REST, and
// what streams on the port of its own.
func (s *rpc) handler() *grpc.Server {
	o := s.options
	settings := []grpc.ServerOption{
		grpc.ForceServerCodecV2(upstream.Codec{}),
		grpc.MaxRecvMsgSize(int(min(o.MaxGRPCBytes, math.MaxInt32))),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.UnknownServiceHandler(s.unknown),
	}
	g := grpc.NewServer(settings...)
	for _, d := range s.services() {
		g.RegisterService(d, nil)
	}
	grpc_health_v1.RegisterHealthServer(g, &health{rpc: s})
	reflection.Register(g)
	return g
}

// services describes the protocol's methods to gRPC, by service.
func (s *rpc) services() []*grpc.ServiceDesc {
	var all []*grpc.ServiceDesc
	for _, m := range s.options.Protocol.Methods {
		i := slices.IndexFunc(all, func(d *grpc.ServiceDesc) bool { return d.ServiceName == m.Service })
		if i < 0 {
			i = len(all)
			all = append(all, &grpc.ServiceDesc{ServiceName: m.Service, HandlerType: (*any)(nil)})
		}
		if m.Action == protocol.StreamPredict {
			all[i].Streams = append(all[i].Streams, grpc.StreamDesc{StreamName: m.Name, Handler: s.stream(m), ServerStreams: true, ClientStreams: true})
			continue
		}
		all[i].Methods = append(all[i].Methods, grpc.MethodDesc{MethodName: m.Name, Handler: s.unaryMethod(m).handler()})
	}
	return all
}

// unaryMethod is a unary method with what answers it.
type unaryMethod struct {
	*rpc
	protocol.Method
	answerer answerer
	// observer is nil where nobody looks.
	observer Observer
}

func (s *rpc) unaryMethod(m protocol.Method) *unaryMethod {
	return &unaryMethod{rpc: s, Method: m, answerer: s.answer(m), observer: s.observer(m, unary)}
}

type handler = func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error)

// handler answers a method where grpc-go takes its requests, which is on the
// port of REST.
func (u *unaryMethod) handler() handler {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (reply any, err error) {
		defer u.rescue(u.Method, &err)
		start := time.Now()
		var f upstream.Frame
		if err := decode(&f); err != nil {
			return nil, err
		}
		lease := u.pool.Lease()
		defer lease.Release()
		in := message.Message{Body: f.Body, Parts: f.Parts}
		if in.Parts != nil {
			lease.Hold(in.Parts)
		} else if err := lease.Take(int64(len(in.Body))); err != nil {
			return nil, u.failed(ctx, u.Method, request{start: start}, err)
		}
		md, _ := metadata.FromIncomingContext(ctx) // a copy
		ctx, in.Meta = u.meta(ctx, u.Method, in, md)
		in.Meta.Lease = lease
		if !u.Quiet {
			_ = grpc.SetHeader(ctx, metadata.MD{puidKey: {in.Meta.Puid}})
		}
		out, err := u.serve(ctx, start, in)
		for _, f := range u.way(in.Meta) {
			_ = grpc.SetHeader(ctx, metadata.Pairs(f.Name, f.Value))
		}
		if err != nil {
			return nil, err
		}
		if h := u.options.AnswerHeaders.metadata(out.Header); len(h) > 0 {
			_ = grpc.SetHeader(ctx, h)
		}
		if t := u.options.AnswerHeaders.metadata(out.Trailer); len(t) > 0 {
			_ = grpc.SetTrailer(ctx, t)
		}
		return u.frame(ctx, out, lease), nil
	}
}

// way is what an answer tells of where the request went.
func (s *rpc) way(meta *message.Meta) (fields []http2.Field) {
	if s.options.Predictor != "" {
		fields = append(fields, http2.Field{Name: predictorKey, Value: s.options.Predictor})
	}
	if meta.Route != "" {
		fields = append(fields, http2.Field{Name: routeKey, Value: meta.Route})
	}
	if meta.Version != "" {
		fields = append(fields, http2.Field{Name: versionKey, Value: meta.Version})
	}
	return fields
}

// serve answers a request, before the eyes of an observer if there is one. An
// error is a status.
func (u *unaryMethod) serve(ctx context.Context, start time.Time, in message.Message) (out message.Message, err error) {
	if u.observer != nil {
		ctx = u.observer.Begin(ctx, in.Meta.Puid, nil)
	}
	if out, err = u.reply(ctx, in); err != nil {
		err = u.failed(ctx, u.Method, request{puid: in.Meta.Puid, start: start}, err)
	}
	if u.observer != nil {
		u.observer.End(ctx, start, int(status.Code(err)))
	}
	return out, err
}

func (u *unaryMethod) reply(ctx context.Context, in message.Message) (out message.Message, err error) {
	defer u.rescue(u.Method, &err)
	if u.Action != protocol.Predict {
		in = in.Whole()
	}
	return u.answerer(ctx, protocol.GRPC, in)
}

// frame is an answer as grpc-go sends it, which it does when the handler has
// returned. Until then a large answer keeps the request's memory, where it may
// be; from [upstream.Large] on it is paid for, and a client that does not take
// it is cut off.
func (s *rpc) frame(ctx context.Context, out message.Message, lease *message.Lease) *upstream.Frame {
	f := &upstream.Frame{Body: out.Body, Tail: out.Tail, Parts: out.Parts}
	n := int64(len(f.Body) + len(f.Tail) + f.Parts.Len())
	if n < message.Small {
		f.Body, f.Tail = bytes.Clone(f.Body), bytes.Clone(f.Tail)
		return f
	}
	f.Parts.Ref()
	lease.Retain()
	patience := func() {}
	if n >= upstream.Large {
		s.options.Budget.Force(n)
		patience = s.pace.patience(ctx, n)
	}
	f.Sent = func() {
		patience()
		if n >= upstream.Large {
			s.options.Budget.Give(n)
		}
		lease.Release()
	}
	return f
}

// rescue turns a panic into a status, so that no request ends the process.
func (s *rpc) rescue(m protocol.Method, err *error) {
	if v := recover(); v != nil {
		s.options.Log.Error("panic", "method", m.Name, "value", v, "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "panic: %v", v)
	}
}

func (s *rpc) answer(m protocol.Method) answerer {
	e := s.options.Engine
	switch m.Action {
	case protocol.Predict:
		return e.Predict
	case protocol.Feedback:
		return e.Feedback
	case protocol.Status:
		return ask(e, protocol.QueryStatus)
	case protocol.Metadata:
		return ask(e, protocol.QueryMetadata)
	case protocol.Config:
		return ask(e, protocol.QueryConfig)
	case protocol.Statistics:
		return ask(e, protocol.QueryStatistics)
	case protocol.RepositoryIndex, protocol.RepositoryLoad, protocol.RepositoryUnload:
		return repository(e, m.Action)
	case protocol.GraphMetadata:
		return e.GraphMetadata
	case protocol.ServerMetadata:
		return func(context.Context, protocol.Transport, message.Message) (message.Message, error) {
			var body []byte
			for i, field := range []string{s.options.Deployment, version, binaryTensors} {
				body = protowire.AppendString(protowire.AppendTag(body, protowire.Number(i+1), protowire.BytesType), field)
			}
			return message.Message{Body: body}, nil
		}
	case protocol.Ready:
		return func(ctx context.Context, _ protocol.Transport, _ message.Message) (message.Message, error) {
			if s.ready(ctx) != nil {
				return message.Message{}, nil
			}
			return message.Message{Body: protocol.True(m.Field)}, nil
		}
	}
	return func(context.Context, protocol.Transport, message.Message) (message.Message, error) {
		return message.Message{Body: protocol.True(m.Field)}, nil
	}
}

func (s *rpc) ready(ctx context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	return s.options.Engine.Ready(ctx)
}

// meta reads what came with a request, in is its metadata, and puts what goes on
// to the nodes into the context.
func (s *rpc) meta(ctx context.Context, m protocol.Method, request message.Message, in metadata.MD) (context.Context, *message.Meta) {
	for key := range in {
		if strings.HasPrefix(key, "grpc-") && !strings.HasSuffix(key, "-bin") {
			delete(in, key)
		}
	}
	puid := ""
	if v := in[puidKey]; len(v) > 0 {
		puid = v[0]
	}
	if puid == "" {
		if in == nil {
			in = metadata.MD{}
		}
		puid = s.options.NewPuid()
		in[puidKey] = []string{puid}
	}
	return metadata.NewOutgoingContext(ctx, in), &message.Meta{
		Puid:     puid,
		Unlogged: unlogged(in[skipKey]),
		Model: message.Model{
			Name:    protocol.StringOf(request, m.Model),
			Version: protocol.StringOf(request, m.Version), Label: protocol.StringOf(request, m.Label), Verb: m.Verb,
		},
		AskedVersion: strings.Join(in[versionKey], ", "),
	}
}

// failed logs a request that failed, and returns the error as gRPC tells it.
func (s *rpc) failed(ctx context.Context, m protocol.Method, r request, err error) error {
	told := s.failure(err)
	code := status.Code(told)
	r.service = "/" + m.Service + "/" + m.Name
	s.failures.tell(ctx, r, err, code.String(), ofClient(code))
	return told
}

// failure is an error as gRPC tells it: the status of a node as it came, or
// the code of the fault.
func (s *rpc) failure(err error) error {
	if answered, ok := protocol.StatusOf(err); ok {
		return answered.Err()
	}
	code, text := protocol.CodeOf(err).GRPC(), protocol.Text(err)
	if s.options.V1 {
		return status.Error(codeV1(code), protocol.Text(bare(err)))
	}
	if protocol.CodeOf(err).Later() {
		s, detailErr := status.New(code, text).WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
		if detailErr == nil {
			return s.Err()
		}
	}
	return status.Error(code, text)
}

// unknown answers methods that are not served.
func (s *rpc) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var services []string
	for _, d := range s.services() {
		services = append(services, d.ServiceName)
	}
	return status.Errorf(codes.Unimplemented, "method %s is not served: this predictor speaks protocol %s, service %s",
		method, s.options.Protocol.Name, strings.Join(services, ", "))
}
