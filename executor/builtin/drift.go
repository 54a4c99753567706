package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// drifting compares windows of requests, and of answers, with a reference.
type drifting struct {
	node             string
	requests, answer *watched
}

// watching is what both sides of a node go by.
type watching struct {
	test             string
	alpha, threshold float64
	window, least    int
	lasts            time.Duration
	warmup           int
	now              func() time.Time
	// reporter is nil where nobody is told of drift.
	reporter Reporter
}

// The sides of a node that can drift.
const (
	ofRequests = "request"
	ofAnswers  = "answer"
)

// maxWatched bounds the features of a reference.
const maxWatched = 1024

func newDrift(s *graph.Step, w *World) (Node, error) {
	n := s.Node
	o := &watching{
		test: n.Setting("test"), alpha: number(n, "alpha"), threshold: number(n, "threshold"),
		window: whole(n, "window"), least: whole(n, "least"), warmup: whole(n, "warmup"), now: w.Now,
		lasts: time.Duration(number(n, "seconds") * float64(time.Second)),
	}
	if o.now == nil {
		o.now = time.Now
	}
	reporter, err := w.reporter(n)
	if err != nil {
		return nil, err
	}
	o.reporter = reporter
	d := &drifting{node: s.Name, requests: newWatched(o, w.Meters.drift(s.Name, ofRequests), ofRequests, graph.CallTransformInput)}
	r, err := w.reference(n, reference.Name)
	if err == nil && r != nil {
		err = d.requests.start(r)
	}
	if err == nil && truth(n, "answers") {
		d.answer = newWatched(o, w.Meters.drift(s.Name, ofAnswers), ofAnswers, graph.CallTransformOutput)
		err = d.startAnswers(n, w)
	}
	if err != nil {
		return nil, err
	}
	if d.learns() {
		w.State.Keep(s.Name, n.Implementation, d)
	}
	w.Watch.add(d)
	return d, nil
}

// answersName is the file of the reference of answers, beside that of requests.
const answersName = "answers.json"

// startAnswers reads the reference of answers, if there is one.
func (d *drifting) startAnswers(n *graph.Node, w *World) error {
	r, err := w.reference(n, answersName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil || r == nil:
		return err
	}
	return d.answer.start(r)
}

// learns tells whether one of the sides has no file to read.
func (d *drifting) learns() bool {
	return d.requests.columns == nil || d.answer != nil && d.answer.columns == nil
}

// TransformInput counts the rows of a request.
func (d *drifting) TransformInput(_ context.Context, m Message) (Message, error) {
	rows, give, err := readingStrips(m, d.requests.width())
	defer give()
	if err == nil {
		err = d.requests.take(&rows)
	}
	return m, err
}

// TransformOutput counts the rows of an answer. One that cannot be counted is none
// of the node's business.
func (d *drifting) TransformOutput(_ context.Context, m Message) (Message, error) {
	if d.answer == nil {
		return m, nil
	}
	rows, give, err := readingStrips(m, d.answer.width())
	defer give()
	if err == nil {
		_ = d.answer.take(&rows) // The same.
	}
	return m, nil
}

// keptDrift is what DRIFT_DETECTOR keeps: the references that it made itself.
type keptDrift struct {
	Requests json.RawMessage `json:"requests,omitempty"`
	Answers  json.RawMessage `json:"answers,omitempty"`
}

// Save is that of state.Keeper.
func (d *drifting) Save() (json.RawMessage, error) {
	k := keptDrift{Requests: d.requests.save()}
	if d.answer != nil {
		k.Answers = d.answer.save()
	}
	return json.Marshal(k)
}

// Load is that of state.Keeper.
func (d *drifting) Load(saved json.RawMessage) error {
	var k keptDrift
	if err := json.Unmarshal(saved, &k); err != nil {
		return err
	}
	err := d.requests.load(k.Requests)
	if d.answer != nil {
		err = errors.Join(err, d.answer.load(k.Answers))
	}
	return err
}

// Others is that of state.Keeper: a replica that begins takes over the reference of
// another, so that their counts add up.
func (d *drifting) Others([]json.RawMessage) bool { return false }

// label names a column of rows.
func (s *strips) label(i int) string {
	if s.names != nil {
		return s.names[i]
	}
	return ""
}
