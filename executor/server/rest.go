package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// rest is the handler of the REST listener.
type rest struct {
	options Options
	// operations finds predictions and feedback, others routes all else.
	operations *protocol.Operations
	others     http.Handler
	pool       message.Pool
	draining   *atomic.Bool
	actions    [protocol.Docs + 1]action
	// observers are by action; nil: nobody looks.
	observers [protocol.Docs + 1]Observer
	fixed     fixedHeaders
	readiness *readiness
	failures  *failures
	// signpost tells clients that have lost their way where to go.
	signpost signpost
}

// action answers a request whose headers are done. It returns the status, and what
// the answer tells of if that is an error.
type action func(w http.ResponseWriter, r *http.Request, m protocol.Match) (status int, err error)

func newREST(o Options, draining *atomic.Bool) *rest {
	s := &rest{options: o, operations: protocol.NewOperations(o.Protocol), draining: draining, fixed: newFixedHeaders(o), readiness: newReadiness(o.Log, time.Now), failures: newFailures(&o), signpost: newSignpost(&o)}
	s.options.lend(&s.pool)
	s.observers = restObservers(&o)
	s.actions = [...]action{
		protocol.Live:           func(http.ResponseWriter, *http.Request, protocol.Match) (int, error) { return http.StatusOK, nil },
		protocol.Ready:          s.ready,
		protocol.Predict:        s.post(o.Engine.Predict),
		protocol.Feedback:       s.post(o.Engine.Feedback),
		protocol.Status:         s.get(ask(o.Engine, protocol.QueryStatus)),
		protocol.Metadata:       s.get(ask(o.Engine, protocol.QueryMetadata)),
		protocol.Config:         s.get(ask(o.Engine, protocol.QueryConfig)),
		protocol.Statistics:     s.get(ask(o.Engine, protocol.QueryStatistics)),
		protocol.GraphMetadata:  s.get(o.Engine.GraphMetadata),
		protocol.ServerMetadata: s.serverMetadata,
		protocol.Docs:           s.docs,

		protocol.RepositoryIndex:  s.plain(s.post(repository(o.Engine, protocol.RepositoryIndex))),
		protocol.RepositoryLoad:   s.plain(s.post(repository(o.Engine, protocol.RepositoryLoad))),
		protocol.RepositoryUnload: s.plain(s.post(repository(o.Engine, protocol.RepositoryUnload))),
	}
	s.others = s.router()
	return s
}

type answerer func(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error)

func ask(e Engine, q protocol.Query) answerer {
	return func(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
		return e.Query(ctx, t, q, m)
	}
}

func repository(e Engine, a protocol.Action) answerer {
	return func(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error) {
		return e.Repository(ctx, t, a, m)
	}
}

// plain answers where the fixed parts of a path stand there as they are, without percent
// signs: rules of gateways by which some clients may not come here compare paths as they
// are written, too.
func (s *rest) plain(do action) action {
	return func(w http.ResponseWriter, r *http.Request, match protocol.Match) (int, error) {
		written, known := strings.Split(r.URL.EscapedPath(), "/"), strings.Split(match.Operation.Path, "/")
		for i, part := range known {
			if len(written) != len(known) || part != written[i] && !strings.HasPrefix(part, "{") {
				return s.refuse(w, r, protocol.Errorf(protocol.Invalid, "write the path as %s, with percent signs in the name of the model alone", match.Operation.Path))
			}
		}
		return do(w, r, match)
	}
}

// ServeHTTP finds predictions and feedback, which are posted, without a router: that
// costs no allocation.
func (s *rest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if m, found, _ := s.operations.Find(r.Method, r.URL.Path); found {
			s.serve(w, r, &m)
			return
		}
	}
	s.others.ServeHTTP(w, r)
}

// serve answers a request whose operation is known.
func (s *rest) serve(w http.ResponseWriter, r *http.Request, m *protocol.Match) {
	s.headers(w.Header(), r, m)
	if r.Method == http.MethodOptions {
		return
	}
	start := time.Now()
	if o := s.observers[m.Operation.Action]; o != nil && observed(m.Operation) {
		s.watched(w, r, m, o, start)
		return
	}
	s.answer(w, r, m, start)
}

// watched answers a request before the eyes of an observer.
func (s *rest) watched(w http.ResponseWriter, r *http.Request, m *protocol.Match, o Observer, start time.Time) {
	ctx := o.Begin(r.Context(), w.Header()[puidHeader][0], message.NewHeader(r.Header))
	if ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	status := http.StatusInternalServerError
	defer func() { o.End(ctx, start, status) }()
	status = s.answer(w, r, m, start)
}

func (s *rest) answer(w http.ResponseWriter, r *http.Request, m *protocol.Match, start time.Time) (status int) {
	defer s.rescue(w, r, &status)
	status, err := s.actions[m.Operation.Action](w, r, *m)
	if err != nil {
		failed := request{service: services[m.Operation.Action], path: r.URL.Path, puid: value(w.Header(), puidHeader), start: start}
		s.failures.tell(r.Context(), failed, err, status, status < http.StatusInternalServerError)
	}
	return status
}

// rescue turns a panic into an answer, so that no request ends the process.
func (s *rest) rescue(w http.ResponseWriter, r *http.Request, status *int) {
	if v := recover(); v != nil {
		*status = s.fail(w, r, s.panicked(v, r.URL.Path, value(w.Header(), puidHeader)))
	}
}

// panicked logs a panic and is what its client is told. One that means to end the
// connection goes on.
func (s *rest) panicked(v any, path, puid string) error {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.options.Log.Error("panic", "path", path, "puid", puid, "value", v, "stack", string(debug.Stack()))
	return protocol.Errorf(protocol.Internal, "panic: %v", v)
}

// binaryTensors is the extension of the open inference protocol that the
// executor passes on and reads.
const binaryTensors = "binary_tensor_data"

func (s *rest) serverMetadata(w http.ResponseWriter, r *http.Request, _ protocol.Match) (int, error) {
	body, err := json.Marshal(map[string]any{"name": s.options.Deployment, "version": version, "extensions": []string{binaryTensors}})
	return s.write(w, r, message.Message{Body: body, Type: jsonType, Answer: true}, err)
}

// docs hands the request to the page about the deployment.
func (s *rest) docs(w http.ResponseWriter, r *http.Request, _ protocol.Match) (int, error) {
	if s.options.Docs == nil {
		http.NotFound(w, r)
		return http.StatusNotFound, nil
	}
	s.options.Docs.ServeHTTP(w, r)
	return http.StatusOK, nil
}

// post answers with what an engine makes of the request's body.
func (s *rest) post(answer answerer) action {
	return func(w http.ResponseWriter, r *http.Request, match protocol.Match) (int, error) {
		lease := s.pool.Lease()
		defer lease.Release()
		m, err := s.read(w, r, lease)
		if err != nil {
			return s.refuse(w, r, err)
		}
		meta := s.meta(w, r, lease, &match)
		m.Meta = meta
		m, err = s.timed(r, m, answer)
		tellWay(w.Header(), meta)
		return s.write(w, r, m, err)
	}
}

// get answers a question about a node.
func (s *rest) get(answer answerer) action {
	return func(w http.ResponseWriter, r *http.Request, match protocol.Match) (int, error) {
		lease := s.pool.Lease()
		defer lease.Release()
		m, err := s.timed(r, message.Message{Meta: s.meta(w, r, lease, &match)}, answer)
		return s.write(w, r, m, err)
	}
}

func (s *rest) meta(w http.ResponseWriter, r *http.Request, lease *message.Lease, match *protocol.Match) *message.Meta {
	puid := w.Header()[puidHeader]
	gzip := takesGzip(r.Header["Accept-Encoding"])
	s.handOn(r.Header, puid)
	return &message.Meta{
		Limit:    s.options.MaxRequestBytes,
		Gzip:     gzip,
		Unlogged: unlogged(r.Header[skipHeader]),
		Header:   message.NewHeader(r.Header),
		Puid:     puid[0],
		Model:    message.Model{Name: match.Model, Version: match.Version, Label: match.Label, Verb: match.Operation.Verb},
		Lease:    lease,
	}
}
