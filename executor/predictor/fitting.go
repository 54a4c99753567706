package predictor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// fitting looks again at a request by which the node's server failed. Servers of
// Python fail where the client is at fault as they do where they are: if what is
// known of the model says that the request does not fit it, the client is told
// so. A request that succeeds is not looked at, and what is not known is nobody's
// fault.
func (l *lane) fitting(c graph.Call, next link) link {
	if l.server.Host == "" || c != graph.CallPredict && c != graph.CallTransformInput {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		answer, err := next(ctx, m)
		if err == nil || m.Answer || !broke(err) || m.Meta.Model.Verb != "" {
			return answer, err
		}
		if why := l.misfit(ctx, m); why != "" {
			return answer, protocol.Errorf(protocol.Invalid, "the request does not fit the model: %s", why)
		}
		return answer, err
	}
}

// broke reports whether a node answered that something in it went wrong, without
// saying what: 500, or INTERNAL or UNKNOWN over gRPC. Others have said whose fault it
// is, such as a message that is too large or a server that is busy.
func broke(err error) bool {
	if protocol.CodeOf(err) != protocol.Refused {
		return false
	}
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		return refusal.Status == http.StatusInternalServerError
	}
	s, ok := protocol.StatusOf(err)
	return ok && (s.Code() == codes.Internal || s.Code() == codes.Unknown)
}

// misfit says in what a request is not what the model takes; empty: nothing is
// known that speaks against it.
func (l *lane) misfit(ctx context.Context, m message.Message) string {
	plain, err := protocol.Plain(m)
	if err != nil {
		return ""
	}
	sent, err := translate.Open(l.dialect().Form, plain)
	if err != nil || len(sent.Tensors) == 0 {
		return ""
	}
	inputs := l.taken.inputs(ctx, m.Meta)
	if len(inputs) == 1 && len(inputs[0].Shape) == 2 {
		return tableMisfit(&inputs[0], sent.Tensors)
	}
	return inputsMisfit(inputs, sent.Tensors)
}

// taken is what a model takes, as far as that is known.
type taken struct {
	hints openapi.Hints
	// tells is the way to the node's server by which it is asked.
	tells *lane

	mu    sync.Mutex
	asked time.Time
	// version is the one that said is of.
	version message.Model
	said    []openapi.Tensor
}

// learn lets both lanes of a node share what is known of its model. Its server is
// asked over REST, or over gRPC where it has nothing else.
func (p *Predictor) learn() {
	for i, l := range p.callers[protocol.REST].lanes {
		other := p.callers[protocol.GRPC].lanes[i]
		t := &taken{hints: p.options.Hints, tells: l}
		if l.server.Host == "" {
			t.tells = other
		}
		l.taken, other.taken = t, t
		if v := l.versions; v != nil && l.server.Host != "" {
			v.asks = l
		}
	}
}

// takenTime bounds the question that follows a failure.
const takenTime = time.Second

// inputs are those of the node's model: what somebody read from its files, or what
// the server says now. It is asked no oftener than each [questionPause], and one
// that does not tell no oftener than each [knowledgeLife]. There are none where
// the model has several ways to be called, or while another request asks.
func (t *taken) inputs(ctx context.Context, meta *message.Meta) []openapi.Tensor {
	version := meta.Model
	version.Name, version.Verb = "", ""
	if known := t.hints.Inputs(t.tells.name); len(known) > 0 && version == (message.Model{}) {
		return known
	}
	if !t.mu.TryLock() {
		return nil
	}
	defer t.mu.Unlock()
	pause := questionPause
	if len(t.said) == 0 {
		pause = knowledgeLife
	}
	if time.Since(t.asked) > pause || t.version != version {
		ctx, cancel := context.WithTimeout(ctx, takenTime)
		defer cancel()
		var n openapi.Node
		t.tells.tell(ctx, message.Message{Meta: &message.Meta{
			Header: message.NewHeader(map[string][]string{}), Puid: meta.Puid, Model: meta.Model, Limit: maxMetadata, Lease: meta.Lease,
		}}, &n)
		t.said = nil
		if len(n.Signatures) == 1 {
			t.said = n.Signatures[0].Inputs
		}
		t.asked, t.version = time.Now(), version
	}
	return t.said
}

// tableMisfit compares what was sent with one input of rows and columns. Instead of
// it a client may send a data frame, each column an input of its own.
func tableMisfit(want *openapi.Tensor, sent []tensor.Tensor) string {
	columns := want.Shape[1]
	first := &sent[0]
	if columns < 0 || shapeFits(want.Shape, first.Shape) && len(sent) == 1 {
		return typeMisfit(want, sent)
	}
	wanted := strconv.FormatInt(columns, 10) + " columns"
	if n := len(want.Columns); n > 0 && n <= mostNames {
		wanted += " (" + strings.Join(want.Columns, ", ") + ")"
	}
	if len(sent) == 1 {
		return fmt.Sprintf("it takes %s, shape %s, and was sent %s", wanted, shapeText(want.Shape), tensorText(first))
	}
	if int64(len(sent)) != columns {
		return fmt.Sprintf("it takes %s, and was sent %d", wanted, len(sent))
	}
	named := slices.ContainsFunc(sent, func(t tensor.Tensor) bool { return t.Name != "" })
	for _, name := range want.Columns {
		if named && !slices.ContainsFunc(sent, func(t tensor.Tensor) bool { return t.Name == name }) {
			return fmt.Sprintf("it takes %s, and was sent no %q", wanted, name)
		}
	}
	return typeMisfit(want, sent)
}

// mostNames is how many columns are named in an error.
const mostNames = 30

// typeMisfit reports texts where the model takes numbers.
func typeMisfit(want *openapi.Tensor, sent []tensor.Tensor) string {
	if want.DType == tensor.Bytes || want.DType == tensor.Number {
		return ""
	}
	for i := range sent {
		if sent[i].DType == tensor.Bytes {
			return fmt.Sprintf("it takes %s, and was sent %s", want.DType, tensorText(&sent[i]))
		}
	}
	return ""
}

// inputsMisfit compares what was sent with inputs by their names. One input has
// any name, and so have those without one.
func inputsMisfit(want []openapi.Tensor, sent []tensor.Tensor) string {
	for i := range want {
		w := &want[i]
		j := slices.IndexFunc(sent, func(t tensor.Tensor) bool { return t.Name == w.Name })
		switch {
		case j < 0 && len(want) == 1 && len(sent) == 1:
			j = 0
		case j < 0 && slices.ContainsFunc(sent, func(t tensor.Tensor) bool { return t.Name == "" }):
			continue
		case j < 0:
			return fmt.Sprintf("it takes an input %q, which was not sent", w.Name)
		}
		if w.Shape != nil && !shapeFits(w.Shape, sent[j].Shape) {
			return fmt.Sprintf("it takes %s of shape %s, and was sent %s", quotedName(w.Name), shapeText(w.Shape), tensorText(&sent[j]))
		}
		if why := typeMisfit(w, sent[j:j+1]); why != "" {
			return why
		}
	}
	return ""
}

// shapeFits reports whether a tensor has a shape in which sizes below 0 are free.
// A column may be a list or a table with one column.
func shapeFits(want, have []int64) bool {
	if len(want) != len(have) {
		want, have = withoutLastOne(want), withoutLastOne(have)
	}
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] >= 0 && want[i] != have[i] {
			return false
		}
	}
	return true
}

func withoutLastOne(shape []int64) []int64 {
	if n := len(shape); n > 1 && shape[n-1] == 1 {
		return shape[:n-1]
	}
	return shape
}

func quotedName(name string) string {
	if name == "" {
		return "an input"
	}
	return strconv.Quote(name)
}

// tensorText describes what was sent.
func tensorText(t *tensor.Tensor) string {
	what := "shape " + shapeText(t.Shape)
	if t.DType == tensor.Bytes {
		what = "texts of " + what
	}
	if t.Name != "" {
		return fmt.Sprintf("%q of %s", t.Name, what)
	}
	return what
}

// shapeText writes a shape as v2 has it.
func shapeText(shape []int64) string {
	var sizes []string
	for _, n := range shape {
		sizes = append(sizes, strconv.FormatInt(n, 10))
	}
	return "[" + strings.Join(sizes, ",") + "]"
}
