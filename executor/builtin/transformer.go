package builtin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/tensor"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/rule"
)

// transformer changes the tensors of messages by a chain of steps.
type transformer struct {
	steps []graph.TransformStep
	do    []change
	meter *stepsMeter
}

// change is what one step does to the frame of a message, by its words.
type change func(f *frame, words []string) error

func newTransformer(s *graph.Step, w *World) (Node, error) {
	steps, err := graph.StepsOf(s.Node)
	if err != nil {
		return nil, fmt.Errorf("parameter steps: %w", err)
	}
	formulas, err := rule.Formulas(steps)
	if err != nil {
		return nil, fmt.Errorf("parameter steps: %w", err)
	}
	t := &transformer{steps: steps, meter: w.Meters.steps(s.Name, steps)}
	known, made := stepTable(), formulaTable()
	for i, one := range steps {
		do := known[one.Name]
		if formulas[i] != nil {
			do = made[one.Name](formulas[i])
		}
		if do == nil {
			return nil, fmt.Errorf("parameter steps: there is nothing for the step %q", one.Name)
		}
		t.do = append(t.do, do)
	}
	return t, nil
}

// TransformInput changes a request.
func (t *transformer) TransformInput(ctx context.Context, m Message) (Message, error) {
	return t.of(ctx, m)
}

// TransformOutput changes an answer.
func (t *transformer) TransformOutput(ctx context.Context, m Message) (Message, error) {
	return t.of(ctx, m)
}

func (t *transformer) of(ctx context.Context, m Message) (Message, error) {
	o, err := m.Read()
	if err != nil {
		return m, err
	}
	if len(o.Tensors) == 0 {
		return m, protocol.Errorf(m.fault(), "it holds no tensor")
	}
	f := &frame{tensors: slices.Clone(o.Tensors), names: o.Columns, lease: m.wire.Meta.Lease, ctx: ctx, message: m}
	rows, _ := f.Rows()
	kept := int64(0)
	defer func() { f.lease.Give(f.taken - kept) }()
	for i, do := range t.do {
		if err := do(f, t.steps[i].Words); err != nil {
			t.meter.stopped(i, rows)
			code := m.fault()
			if own := protocol.CodeOf(err); own == protocol.Exhausted || own == protocol.TooLarge || ctx.Err() != nil {
				code = own
			}
			return m, protocol.Coded(code, fmt.Errorf("step %d (%s): %w", i+1, t.steps[i].Name, err))
		}
	}
	o.Tensors, o.Columns = f.tensors, f.names
	t.meter.passed(rows)
	out, err := m.With(o)
	kept = min(max(int64(len(out.wire.Body)-len(m.wire.Body)), 0), f.taken)
	return out, err
}

// frame is what steps change: one tensor, whose columns may have names, or several,
// each of which is a column of its own.
type frame struct {
	tensors []tensor.Tensor
	names   []string
	// taken is what was had of the memory for messages, by the lease of the request.
	lease *message.Lease
	taken int64
	// ctx, message and tags are what formulas ask.
	ctx     context.Context
	message Message
	tags    map[string]any
}

// take gets memory for what is made of a message and is larger than that. It is given
// back when the message is written, but for what that takes.
func (f *frame) take(n int64) error {
	err := f.lease.Take(n)
	if err == nil {
		f.taken += n
	}
	return err
}

// one reports whether the columns are those of one tensor.
func (f *frame) one() bool { return len(f.tensors) == 1 && f.tensors[0].Rank() > 1 }

// columns are how many there are.
func (f *frame) columns() (int, error) {
	switch {
	case !f.one():
		return len(f.tensors), nil
	case f.tensors[0].Rank() != 2:
		return 0, fmt.Errorf("the shape %v is no table", f.tensors[0].Shape)
	}
	return int(f.tensors[0].Shape[1]), nil
}

// name is that of a column, by place where it was given none.
func (f *frame) name(i int) string {
	switch {
	case !f.one():
		return f.tensors[i].Name
	case i < len(f.names):
		return f.names[i]
	}
	return "t:" + strconv.Itoa(i)
}

// place is the number of a column by its name, or by the number itself.
func (f *frame) place(word string) (int, error) {
	n, err := f.columns()
	if err != nil {
		return 0, err
	}
	names := f.names
	if !f.one() {
		names = make([]string, n)
		for i := range f.tensors {
			names[i] = f.tensors[i].Name
		}
	}
	if at := slices.Index(names, word); at >= 0 && at < n {
		return at, nil
	}
	at, err := strconv.Atoi(word)
	if err != nil || at < 0 || at >= n {
		return 0, fmt.Errorf("there is no column %q among %d", word, n)
	}
	return at, nil
}

func (f *frame) places(words []string) ([]int, error) {
	var all []int
	for _, word := range words {
		at, err := f.place(word)
		if err != nil {
			return nil, err
		}
		if slices.Contains(all, at) {
			return nil, fmt.Errorf("the column %q is there twice", word)
		}
		all = append(all, at)
	}
	return all, nil
}

// pick leaves the columns of these numbers, in this order.
func (f *frame) pick(order []int) error {
	if !f.one() {
		picked := make([]tensor.Tensor, len(order))
		for i, at := range order {
			picked[i] = f.tensors[at]
		}
		f.tensors = picked
		return nil
	}
	t, err := f.tensors[0].PickColumns(order)
	if err != nil {
		return err
	}
	if len(f.names) > 0 {
		names := make([]string, len(order))
		for i, at := range order {
			if at < len(f.names) {
				names[i] = f.names[at]
			}
		}
		f.names = names
	}
	f.tensors[0] = t
	return nil
}

// set puts another tensor in the place of one, which keeps its name. Names of
// columns go where there are no longer as many.
func (f *frame) set(i int, t tensor.Tensor) {
	t.Name = f.tensors[i].Name
	f.tensors[i] = t
	if !f.one() || len(f.names) != int(t.Shape[1]) {
		f.names = nil
	}
}

// each changes the numbers of every tensor, row by row: width is how many numbers a
// row of the last dimension has, offset the number of the column that the first of
// them is. The outcome is FP32 where the tensor is, else FP64.
func (f *frame) each(change func(values []float64, width, offset int) error) error {
	for i := range f.tensors {
		t := &f.tensors[i]
		values, err := t.Float64s()
		if err != nil {
			return f.at(i, err)
		}
		width, offset := 1, i
		if f.one() {
			width, offset = int(t.Shape[t.Rank()-1]), 0
		} else if len(f.tensors) == 1 && t.Rank() == 1 {
			width, offset = len(values), 0
		}
		if err := change(values, width, offset); err != nil {
			return f.at(i, err)
		}
		f.set(i, tensor.FromFloats("", floatType(t), t.Shape, values))
	}
	return nil
}

func floatType(t *tensor.Tensor) tensor.DType {
	if t.DType == tensor.FP32 {
		return tensor.FP32
	}
	return tensor.FP64
}

// at says in an error which tensor it is about, where there are several.
func (f *frame) at(i int, err error) error {
	if len(f.tensors) == 1 {
		return err
	}
	return fmt.Errorf("%q: %w", f.tensors[i].Name, err)
}

// merged is one table of all columns.
func (f *frame) merged() (tensor.Tensor, []string, error) {
	var names []string
	tables := make([]tensor.Tensor, len(f.tensors))
	for i, t := range f.tensors {
		if t.Rank() == 0 || t.Shape[0] != f.tensors[0].Shape[0] {
			return t, nil, errors.New("its tensors have different numbers of rows")
		}
		rows := t.Shape[0]
		wide := int64(1)
		if rows > 0 {
			wide = int64(t.Len()) / rows
		}
		var err error
		if tables[i], err = t.Reshape([]int64{rows, wide}); err != nil {
			return t, nil, f.at(i, err)
		}
		for k := range wide {
			name := t.Name
			if wide > 1 {
				name += "_" + strconv.FormatInt(k, 10)
			}
			names = append(names, name)
		}
	}
	t, err := tensor.Beside(tables, false)
	t.Name = ""
	return t, names, err
}
