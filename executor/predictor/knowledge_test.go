package predictor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
)

// informant answers questions, and counts them.
type informant struct {
	asked atomic.Int32
	spec  *translate.Spec
	err   error
}

func (i *informant) ask(context.Context) (*translate.Spec, error) {
	i.asked.Add(1)
	return i.spec, i.err
}

func named(input string) *translate.Spec {
	return &translate.Spec{Inputs: []translate.TensorSpec{{Name: input}}}
}

func (i *informant) want(t *testing.T, questions int32) {
	t.Helper()
	if n := i.asked.Swap(0); n != questions {
		t.Errorf("the server was asked %d times, want %d", n, questions)
	}
}

func known(t *testing.T, k *knowledge, err error, want *translate.Spec) {
	t.Helper()
	if err != nil || k.spec != want {
		t.Errorf("known is %+v, %v; want %v", k, err, want)
	}
}

func TestKnowledgeIsSharedAndGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := newSpecCache(), &informant{spec: named("a")}
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				k, err := c.current(t.Context(), server.ask)
				known(t, k, err, server.spec)
			})
		}
		wait.Wait()
		server.want(t, 1)
		time.Sleep(knowledgeLife + time.Second)
		server.spec = named("b")
		k, err := c.current(t.Context(), server.ask)
		known(t, k, err, server.spec)
		server.want(t, 1)
		c.doubt()
		k, err = c.current(t.Context(), server.ask)
		known(t, k, err, server.spec)
		server.want(t, 0)
		time.Sleep(2 * questionPause)
		_, _ = c.current(t.Context(), server.ask)
		server.want(t, 1)
	})
}

// What decides is what the server said after the request had come; however many
// ask for that, the server gets few questions.
func TestKnowledgeSinceAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := newSpecCache(), &informant{spec: named("a")}
		_, _ = c.current(t.Context(), server.ask)
		server.want(t, 1)
		server.spec = named("b")
		time.Sleep(time.Millisecond)
		begun, waiting := time.Now(), sync.WaitGroup{}
		for range 1000 {
			waiting.Go(func() {
				time.Sleep(time.Millisecond)
				k, err := c.since(t.Context(), time.Now(), server.ask)
				known(t, k, err, server.spec)
			})
		}
		waiting.Wait()
		server.want(t, 1)
		if took := time.Since(begun); took > questionPause {
			t.Errorf("they waited %v", took)
		}
		begun = time.Now()
		for range 50 {
			time.Sleep(time.Nanosecond)
			_, _ = c.since(t.Context(), time.Now(), server.ask)
		}
		if took := time.Since(begun); took < 49*questionPause {
			t.Errorf("50 questions in %v", took)
		}
	})
}

func TestKnowledgeOfServersThatDoNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := newSpecCache(), &informant{err: &askError{error: errors.New("down")}}
		for range 2 {
			k, err := c.current(t.Context(), server.ask)
			known(t, k, err, nil)
		}
		server.want(t, 2)
		server.err = &askError{error: errors.New("404"), final: true}
		for range 2 {
			k, err := c.current(t.Context(), server.ask)
			known(t, k, err, nil)
		}
		server.want(t, 1)

		// A server that is down keeps what it said before.
		c, server = newSpecCache(), &informant{spec: named("a")}
		_, _ = c.current(t.Context(), server.ask)
		time.Sleep(knowledgeLife + time.Second)
		server.err = &askError{error: errors.New("down")}
		for range 3 {
			k, err := c.current(t.Context(), server.ask)
			known(t, k, err, server.spec)
		}
		server.want(t, 2)
		if _, err := c.since(t.Context(), time.Now(), server.ask); !errors.Is(err, server.err) {
			t.Errorf("error is %v", err)
		}
	})
}

// A server that has nothing to tell is not waited for.
func TestServersThatDescribeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := modelNode("m")
		n.Endpoint.Protocol = "seldon"
		p := build(t, "v2", n, func(*upstream.Target, message.Message) (message.Message, error) {
			return message.Message{}, protocol.Coded(protocol.Declined, &protocol.Refusal{Status: 400})
		})
		begun := time.Now()
		for range 5 {
			m := message.Message{Body: []byte(`{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[1]}]}`), Type: jsonType, Meta: &message.Meta{}}
			if _, err := p.Predict(t.Context(), protocol.REST, m); protocol.CodeOf(err) != protocol.Declined {
				t.Errorf("error is %v", err)
			}
			time.Sleep(time.Nanosecond)
		}
		if took := time.Since(begun); took > questionPause {
			t.Errorf("5 refusals took %v", took)
		}
	})
}

func TestKnowledgeThatIsOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, server := newSpecCache(), &informant{err: errors.New("no such signature")}
		for range 3 {
			if _, err := c.current(t.Context(), server.ask); !errors.Is(err, server.err) {
				t.Errorf("error is %v", err)
			}
		}
		server.want(t, 1)
		moment := time.Now()
		time.Sleep(time.Millisecond)
		if _, err := c.since(t.Context(), time.Now(), server.ask); !errors.Is(err, server.err) || time.Since(moment) < questionPause {
			t.Errorf("error is %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		c.turn <- struct{}{}
		time.Sleep(time.Second)
		if _, err := c.since(gone, time.Now(), server.ask); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v", err)
		}
		<-c.turn
	})
}
