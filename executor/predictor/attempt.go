package predictor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// attempt is one attempt of a translated call. It is made by what is known of
// the server's model, and made again where that turns out to be old: nothing is
// refused by what the server said before the request came.
type attempt struct {
	*lane
	call  graph.Call
	began time.Time
	// model is what is asked for, spec what is known of it.
	model message.Model
	spec  *specCache
	// asked is the request of the client's, by is what sent and exchange are made
	// by.
	asked    message.Message
	by       *knowledge
	sent     message.Message
	exchange *translate.Exchange
}

func (t *attempt) ask(ctx context.Context) (*translate.Spec, error) { return t.askServer(ctx, t.asked) }

// request writes the request for the node's server.
func (t *attempt) request(ctx context.Context) error {
	k, err := t.spec.current(ctx, t.ask)
	if err != nil && k == nil {
		return err
	}
	if t.by = k; err == nil {
		if err = t.rewrite(); err == nil {
			return nil
		}
		if refusal := new(translate.Error); !errors.As(err, &refusal) || !refusal.Known {
			return t.untranslated(err)
		}
	}
	if !t.mayBeOld() {
		return t.untranslated(err)
	}
	fresh, again := t.spec.since(ctx, t.began, t.ask)
	var unanswered *askError
	switch {
	case errors.As(again, &unanswered) && k.spec == nil && k.err == nil:
		return t.untranslated(err)
	case errors.As(again, &unanswered):
		return t.refused(unanswered.error)
	case again != nil:
		return again
	}
	t.by = fresh
	return t.untranslated(t.rewrite())
}

// rewrite puts the request into the form that the node's server takes.
func (t *attempt) rewrite() error {
	o := t.translation
	o.Chained, o.Spec, o.Version = t.asked.Answer, t.by.spec, cmp.Or(t.model.Version, t.model.Label)
	work, err := workingOn(t.asked)
	if err != nil {
		return err
	}
	t.sent, t.exchange, err = translate.Request(t.asked, t.form(), t.dialect().Form, o)
	work.done(t.sent)
	return err
}

func (t *attempt) untranslated(err error) error {
	var refusal *translate.Error
	if !errors.As(err, &refusal) {
		return err
	}
	code := protocol.Invalid
	if t.asked.Answer {
		code = protocol.BadAnswer
	}
	return protocol.Untranslated(code, fmt.Errorf("cannot translate the request to protocol %s: %w", t.speaks.Name, err))
}

// send sends the request. A server that declines it, and has another model than
// was known, is sent the request for that model.
func (t *attempt) send(ctx context.Context, next link) (message.Message, error) {
	answer, err := next(ctx, t.sent)
	if err == nil {
		return answer, nil
	}
	code := protocol.CodeOf(err)
	// Servers of Python fail by what they cannot read, and by much else: these do
	// not wait for a question.
	asks := code == protocol.Declined || code == protocol.Refused && t.spec.mayAsk()
	if !asks || t.by.spec == nil {
		t.spec.doubt()
	}
	if !asks {
		return answer, err
	}
	if !t.renewed(ctx) || t.rewrite() != nil {
		return answer, err
	}
	return next(ctx, t.sent)
}

// mayBeOld reports whether the server may say something else by now than the
// request was made by.
func (t *attempt) mayBeOld() bool { return t.speaks.Describes && !t.by.after(t.began) }

// renewed asks the server what it takes, and reports whether that is another
// thing than the request was made by.
func (t *attempt) renewed(ctx context.Context) bool {
	if !t.mayBeOld() {
		return false
	}
	fresh, err := t.spec.since(ctx, t.began, t.ask)
	if err != nil || fresh.spec == nil || fresh.spec.Same(t.by.spec) {
		return false
	}
	t.by = fresh
	return true
}

// answer puts what the node's server answered into the client's form. One that
// does not fit what is known of the model is read by what the server says now.
func (t *attempt) answer(ctx context.Context, answer message.Message) (message.Message, error) {
	m := t.asked
	answer, err := protocol.Plain(answer)
	if err != nil {
		t.unusable(t.call)
		return m, err
	}
	back, err := t.read(answer)
	if err != nil && t.renewed(ctx) || err == nil && t.otherwise(ctx) {
		t.exchange = t.exchange.By(t.by.spec)
		back, err = t.read(answer)
	}
	var bad *translate.Error
	if errors.As(err, &bad) {
		t.unusable(t.call)
		return m, protocol.Untranslated(protocol.BadAnswer, fmt.Errorf("cannot translate the answer from protocol %s: %w", t.speaks.Name, err))
	}
	if err != nil {
		return m, err
	}
	return back, nil
}

func (t *attempt) read(answer message.Message) (message.Message, error) {
	work, err := workingOn(answer)
	if err != nil {
		return answer, err
	}
	back, err := t.exchange.Response(answer)
	work.done(back)
	return back, err
}

// otherwise reports whether the answer is not what the server had said, and the
// server says otherwise now. A server whose answers never are what it says is
// not asked for each of them.
func (t *attempt) otherwise(ctx context.Context) bool {
	if !t.exchange.Contradicted() || t.by.fickle.Load() {
		return false
	}
	if t.by.after(t.began) {
		t.by.fickle.Store(true)
		return false
	}
	if !t.spec.mayAsk() {
		t.spec.doubt()
		return false
	}
	if t.renewed(ctx) {
		return true
	}
	if k := t.spec.known.Load(); k != nil && k.after(t.began) {
		k.fickle.Store(true)
	}
	return false
}
