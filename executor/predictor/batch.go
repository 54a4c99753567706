package predictor

import (
	"bytes"
	"context"
	"errors"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// member is a request that goes with others.
type member struct {
	ctx  context.Context
	m    message.Message
	rows *translate.Rows
}

// batched joins the rows of requests that come at the same time. What follows is
// one call for all of them; a request that has no rows, or says something of its own,
// makes its call itself.
func (l *lane) batched(next link) link {
	if l.batch == nil {
		return next
	}
	b, err := policy.NewBatch(l.batch, policy.BatchOptions[*member, message.Message]{
		Send: func(ctx context.Context, ms []*member) ([]message.Message, error) {
			return l.sendTogether(ctx, ms, next)
		},
		Alone: mayBeOfOne,
		Hold:  func(q *member) { q.m.Meta.Lease.Retain() },
		Drop:  func(q *member) { q.m.Meta.Lease.Release() },
		Meter: l.batchMeter,
	})
	if err != nil {
		// The policy was read when the node was made.
		return func(_ context.Context, m message.Message) (message.Message, error) { return m, err }
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		rows := l.rowsOf(m)
		if rows == nil {
			return next(ctx, m)
		}
		if timeout := l.policy.Timeout(); timeout > 0 {
			// What waits for others has its time from here on.
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		like := appendHeaders(l.appendModel([]byte(rows.Like), m.Meta), l.headers(ctx, m.Meta))
		answer, alone, err := b.Do(ctx, string(like), rows.Count, &member{ctx, m, rows})
		switch {
		case alone:
			return next(ctx, m)
		case err != nil:
			return m, err
		}
		return answer, nil
	}
}

// rowsOf reads the rows of a request; nil: it has none that can be joined.
func (l *lane) rowsOf(m message.Message) *translate.Rows {
	if m.Meta.Model.Verb != "" {
		return nil
	}
	m, err := understood(l.transport, m)
	if err != nil {
		return nil
	}
	return translate.ReadRows(l.form(), m)
}

// sendTogether makes one call of several requests, and gives each its rows of the
// answer, in memory of its own.
func (l *lane) sendTogether(ctx context.Context, members []*member, next link) ([]message.Message, error) {
	first := members[0]
	rows := make([]*translate.Rows, len(members))
	for i, q := range members {
		rows[i] = q.rows
	}
	text, err := translate.JoinRows(rows)
	if err != nil {
		return nil, protocol.Untranslated(protocol.Invalid, err)
	}
	ctx, meta := l.together(ctx, first.ctx, first.m.Meta)
	defer meta.Lease.Release()
	if err := meta.Lease.Take(int64(len(text.Body))); err != nil {
		return nil, protocol.Coded(protocol.CodeOf(err), err)
	}
	m := first.m
	m.Body, m.Type, m.JSONLength = text.Body, text.Type, text.JSONLength
	m.Parts, m.Tail, m.Encoding, m.Meta = nil, nil, "", meta
	if l.transport == protocol.GRPC {
		m.Type = ""
	}
	answer, err := next(ctx, m)
	if err == nil {
		answer, err = protocol.Plain(answer)
	}
	if err != nil {
		return nil, kept(err)
	}
	answer.Header, answer.Trailer = ofAll(answer.Header), ofAll(answer.Trailer)
	answers, err := translate.SplitRows(rows, answer)
	if err != nil {
		return nil, protocol.Untranslated(protocol.BadAnswer, err)
	}
	for i, q := range members {
		if answers[i].Meta = q.m.Meta; l.transport == protocol.GRPC {
			answers[i].Type = ""
		}
	}
	return answers, nil
}

// kept is an error that may be told when the lease of its call is gone.
func kept(err error) error {
	var r *protocol.Refusal
	var e *protocol.Error
	if !errors.As(err, &r) || !errors.As(err, &e) {
		return err
	}
	told := *r
	// Nobody has asked for compression. What cannot be unpacked is told as it is.
	if plain, err := protocol.Plain(told.Message); err == nil {
		told.Message = plain
	}
	told.Message = told.Whole()
	told.Body, told.Meta = bytes.Clone(told.Body), nil
	told.Header, told.Trailer = ofAll(told.Header), ofAll(told.Trailer)
	return e.Instead(&told)
}

// mayBeOfOne reports whether the failure of a call for several requests may be the
// doing of one of them. It is not where the node is out of reach, has no time or
// asks to be asked later.
func mayBeOfOne(err error) bool {
	switch protocol.CodeOf(err) {
	case protocol.Unreachable:
		return upstream.Lost(err)
	case protocol.Timeout, protocol.Canceled, protocol.Busy, protocol.Exhausted, protocol.NotNow:
		return false
	}
	return true
}
