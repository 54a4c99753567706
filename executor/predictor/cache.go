package predictor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// cached answers a request that is equal to an earlier one by the answer to that.
// Errors are not kept.
func (l *lane) cached(c graph.Call, next link) link {
	if l.cache == nil {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		headers := l.headers(ctx, m.Meta)
		if says(headers, "no-store") {
			return next(ctx, m)
		}
		q, err := l.wanted(c, m, headers)
		if err != nil {
			return next(ctx, m)
		}
		if !says(headers, "no-cache") {
			if answer, ok := l.cache.Find(q.key); ok {
				answer.Meta = m.Meta
				return translate.WithID(l.form(), answer, q.id), nil
			}
		}
		answer, err := next(ctx, m)
		if err == nil {
			l.keep(q, answer)
		}
		return answer, err
	}
}

// wanted is a request as the cache knows it.
type wanted struct {
	key policy.Key
	// id is given back with the answer.
	id string
}

// wanted sums up a request: what is asked of which model, over which transport,
// with which headers and in which words, however these are spaced and ordered, and since
// when the server has the versions that it has.
func (l *lane) wanted(c graph.Call, m message.Message, headers map[string][]string) (wanted, error) {
	m, err := protocol.Plain(m)
	if err != nil {
		return wanted{}, err
	}
	words, id := translate.Canonical(l.form(), m)
	kind := []byte{byte(c), byte(l.transport)}
	if m.Answer {
		kind = append(kind, 'a')
	}
	head := appendHeaders(l.appendModel(append(append(kind, m.Type...), ';'), m.Meta), headers)
	if l.versions != nil {
		head = binary.BigEndian.AppendUint64(head, l.versions.loaded.Load())
	}
	h := sha256.New()
	_, _ = h.Write(head) // It cannot fail.
	_, _ = h.Write(words)
	q := wanted{id: id}
	h.Sum(q.key[:0])
	return q, nil
}

// keep keeps an answer in memory of its own, unless it says that it is not to be
// kept or that it is a failure, or may be for one client alone.
func (l *lane) keep(q wanted, answer message.Message) {
	if says(answer.Header, "no-cache", "no-store", "private") || ofOneClient(answer.Header) {
		return
	}
	answer, err := protocol.Plain(answer)
	if err != nil || translate.Failed(l.form(), answer) {
		return
	}
	answer.Body, answer.Meta = bytes.Clone(answer.Body), nil
	answer.Header, answer.Trailer = ofAll(answer.Header), ofAll(answer.Trailer)
	l.cache.Keep(q.key, answer, int64(len(answer.Body)))
}

// ofOneClient reports whether an answer has a cookie, or depends on what is no part
// of a key.
func ofOneClient(header map[string][]string) bool {
	for name, values := range header {
		switch strings.ToLower(name) {
		case setCookie:
			return true
		case "vary":
			for other := range strings.SplitSeq(strings.Join(values, ","), ",") {
				// What is kept is not compressed.
				other = strings.ToLower(strings.TrimSpace(other))
				if other == "*" || other != "accept-encoding" && ofOneRequest(other) {
					return true
				}
			}
		}
	}
	return false
}

// says reports whether a header Cache-Control has one of these words.
func says(headers map[string][]string, words ...string) bool {
	for _, name := range [...]string{"Cache-Control", "cache-control"} {
		for _, value := range headers[name] {
			for word := range strings.SplitSeq(strings.ToLower(value), ",") {
				word, _, _ = strings.Cut(strings.TrimSpace(word), "=")
				if slices.Contains(words, word) {
					return true
				}
			}
		}
	}
	return false
}
