package kafka

import (
	"errors"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// work walks records until there is nothing more to send.
func (s *Server) work() {
	for {
		select {
		case e := <-s.jobs:
			s.serve(e)
		case <-s.stopped.Done():
			return
		}
	}
}

func (s *Server) serve(e *entry) {
	if !e.partition.begin(e) {
		s.release(e)
		return
	}
	s.metrics.inFlight.Inc()
	out, err := s.walk(e)
	s.metrics.inFlight.Dec()
	if err != nil {
		if e.partition.ctx.Err() != nil {
			out = nil // no fault: it was given up
		} else {
			out = s.failed(e, err)
		}
	}
	if !e.partition.answer(e, out, err != nil) {
		s.release(e)
	}
}

// Tries for a node that is not there.
const (
	maxTries   = 3
	firstPause = 200 * time.Millisecond
)

// walk answers a record. A node that is not there is waited for: it would be
// not there for all records that follow, too.
func (s *Server) walk(e *entry) (*kgo.Record, error) {
	ctx := e.partition.ctx
	for try := 1; ; try++ {
		q, puid, err := s.reader.read(ctx, e.in, e.lease)
		e.puid = puid
		if err != nil {
			return nil, err
		}
		m, err := s.predict(&q)
		if err == nil {
			return reply(s.options.Output, e.in, &q, m), nil
		}
		if try == maxTries || ctx.Err() != nil || !passing(err) {
			return nil, err
		}
		s.options.Log.Warn("waiting for a node", "record", position(e.in), "puid", puid, "error", protocol.Text(err))
		pause(ctx, firstPause)
		s.awaitReady(ctx)
	}
}

// predict asks the engine. No record ends the process.
func (s *Server) predict(q *request) (m message.Message, err error) {
	ctx := q.ctx
	if o := s.options.Observer; o != nil {
		start := time.Now()
		ctx = o.Begin(ctx, q.message.Meta.Puid, q.message.Meta.Header)
		defer func() { o.End(ctx, start, observed(s.options.Transport, err)) }()
	}
	defer func() {
		if v := recover(); v != nil {
			s.options.Log.Error("panic", "puid", q.message.Meta.Puid, "value", v, "stack", string(debug.Stack()))
			err = protocol.Errorf(protocol.Internal, "panic: %v", v)
		}
	}()
	return s.options.Engine.Predict(ctx, s.options.Transport, q.message)
}

// failed counts and logs a failure, and returns the record that tells of it,
// or nil if nobody wants to know.
func (s *Server) failed(e *entry, err error) *kgo.Record {
	reason := code(s.options.Transport, err)
	s.metrics.failed.WithLabelValues(reason).Inc()
	s.options.Log.Warn("record failed", "record", position(e.in), "puid", e.puid, "code", reason, "error", protocol.Text(err))
	if s.options.Errors == "" {
		return nil
	}
	return failed(s.options.Errors, e.in, e.puid, s.options.Transport, err)
}

// send hands an entry's answer to the producer.
func (s *Server) send(e *entry) {
	s.client.Produce(s.stopped, e.out, func(_ *kgo.Record, err error) { s.acknowledged(e, err) })
}

// sendPause passes before an answer that the brokers did not take is sent
// again.
const sendPause = time.Second

// acknowledged is the producer's callback: err is nil if the broker took the
// answer. The producer has already tried again where that may help.
func (s *Server) acknowledged(e *entry, err error) {
	kept := true
	switch {
	case err == nil:
		if !e.failure {
			s.metrics.produced.Inc()
		}
		kept = e.partition.settle(e)
	case s.stopped.Err() != nil:
		kept = false
	case unfitting(err) && e.failure:
		s.options.Log.Error("the error topic does not take a record", "record", position(e.in), "puid", e.puid, "error", err.Error())
		kept = e.partition.resend(e, nil, true)
	case unfitting(err):
		kept = e.partition.resend(e, s.failed(e, protocol.Errorf(protocol.BadAnswer, "the answer of %d bytes does not fit the output topic: %w", len(e.out.Value), err)), true)
	default:
		s.options.Log.Warn("producing, to be tried again", "topic", e.out.Topic, "record", position(e.in), "puid", e.puid, "error", err.Error())
		go func() {
			pause(e.partition.ctx, sendPause)
			again := *e.out
			if !e.partition.resend(e, &again, e.failure) {
				s.release(e)
			}
		}()
	}
	if !kept {
		s.release(e)
	}
}

// unfitting reports whether a record can never be taken.
func unfitting(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge) || errors.Is(err, kerr.InvalidRecord)
}

// observed is the status that an observer gets for err: of HTTP or of gRPC.
func observed(t protocol.Transport, err error) int {
	switch {
	case t == protocol.GRPC && err == nil:
		return 0
	case t == protocol.GRPC:
		return int(grpcCode(err))
	case err == nil:
		return 200
	}
	return httpStatus(err)
}
