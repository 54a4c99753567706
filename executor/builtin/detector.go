package builtin

import (
	"context"
	"encoding/json"
	"math"

	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// judge is the part of a detector that knows what is ordinary. It is used by
// several goroutines.
type judge interface {
	// width is that of the rows that it knows; 0: it knows none yet.
	width() int
	// judge tells the outliers among rows.
	// Its errors have their code.
	judge(rows table) (verdict, error)
}

// verdict is what a detector says of a message.
type verdict struct {
	rows int
	// judged is false while too little is known.
	judged bool
	// worst is the highest score, and above what a row is an outlier.
	worst, above float64
	// outliers are the rows that are, scores those of the first of them. Both are
	// nil where none is.
	outliers []int
	scores   []float64
}

// add notes the score of the next row.
func (v *verdict) add(row int, score float64, outlier bool) {
	if math.IsInf(score, 0) {
		score = math.Copysign(math.MaxFloat64, score)
	}
	if row == 0 || score > v.worst {
		v.worst = score
	}
	if outlier {
		v.outliers = append(v.outliers, row)
		if len(v.scores) < mostRows {
			v.scores = append(v.scores, score)
		}
	}
}

// mostRows bounds the rows that a tag lists.
const mostRows = 1000

// tags are what the verdict says in a message.
func (v *verdict) tags(name string) []translate.Tag {
	tags := []translate.Tag{{Name: name, Value: len(v.outliers) > 0}}
	if v.judged {
		tags = append(tags, translate.Tag{Name: name + "_score", Value: v.worst})
	}
	if v.rows > 1 && len(v.outliers) > 0 {
		tags = append(tags, translate.Tag{Name: name + "_rows", Value: v.outliers[:min(len(v.outliers), mostRows)]})
	}
	return tags
}

// detection is what all detectors have: what becomes of a verdict.
type detection struct {
	decide, tag string
	meter       *detectorMeter
	// reporter is nil where nobody is told of outliers.
	reporter Reporter
}

func newDetection(s *graph.Step, w *World) (detection, error) {
	reporter, err := w.reporter(s.Node)
	return detection{decide: s.Node.Setting("decide"), tag: s.Node.Setting("tag"), meter: w.Meters.detector(s.Name), reporter: reporter}, err
}

// ruling counts the verdict of a call, tells of outliers, and refuses the message
// if the node does.
func (d *detection) ruling(m Message, v *verdict, call graph.Call) error {
	d.meter.saw(v, d.decide)
	if len(v.outliers) > 0 && d.reporter != nil && !m.wire.Meta.Unlogged {
		if body, err := json.Marshal(d.event(v)); err == nil { // It holds finite numbers.
			d.reporter.Found(FoundOutlier, call.String(), m.Puid(), body)
		}
	}
	if len(v.outliers) == 0 || d.decide != graph.DecideReject {
		return nil
	}
	return protocol.Errorf(protocol.Invalid, "row %d is an outlier (%d of %d rows; the highest %s_score is %.6g, the threshold %.6g)",
		v.outliers[0], len(v.outliers), v.rows, d.tag, v.worst, v.above)
}

// outlierEvent is what is told of outliers.
type outlierEvent struct {
	Outlier   bool    `json:"outlier"`
	Decision  string  `json:"decision"`
	Tag       string  `json:"tag"`
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	// Rows is how many the message has, Count how many of them are outliers, and
	// Outliers the first of these.
	Rows     int          `json:"rows"`
	Count    int          `json:"count"`
	Outliers []outlierRow `json:"outliers"`
}

type outlierRow struct {
	Row   int     `json:"row"`
	Score float64 `json:"score"`
}

func (d *detection) event(v *verdict) *outlierEvent {
	e := &outlierEvent{
		Outlier: true, Decision: d.decide, Tag: d.tag, Score: v.worst, Threshold: v.above,
		Rows: v.rows, Count: len(v.outliers), Outliers: make([]outlierRow, len(v.scores)),
	}
	for i, score := range v.scores {
		e.Outliers[i] = outlierRow{v.outliers[i], score}
	}
	return e
}

// detector judges requests.
type detector struct {
	detection
	judge
}

func newDetector(s *graph.Step, w *World, j judge) (Node, error) {
	d, err := newDetection(s, w)
	return &detector{d, j}, err
}

// TransformInput judges a request. Requests of seldon's protocol are tagged, so
// that the nodes below see the tags; servers of others read parameters as
// settings of their own.
func (d *detector) TransformInput(_ context.Context, m Message) (Message, error) {
	rows, give, err := reading(m, d.width())
	defer give()
	if err != nil {
		return m, err
	}
	v, err := d.judge.judge(rows)
	if err != nil {
		return m, err
	}
	if err := d.ruling(m, &v, graph.CallTransformInput); err != nil {
		return m, err
	}
	m.Note(&v)
	if m.seldon() {
		return m.Tagged(v.tags(d.tag)...)
	}
	return m, nil
}

// Route sends outliers to the second child, where the node does.
func (d *detector) Route(_ context.Context, m Message) (int, error) {
	if v, ok := m.Noted().(*verdict); ok && len(v.outliers) > 0 && d.decide == graph.DecideRoute {
		return 1, nil
	}
	return 0, nil
}

// TransformOutput tags the answer. An answer that cannot be read is none of the
// detector's business, and stays as it is.
func (d *detector) TransformOutput(_ context.Context, m Message) (Message, error) {
	v, ok := m.Noted().(*verdict)
	if !ok {
		return m, nil
	}
	if tagged, err := m.Tagged(v.tags(d.tag)...); err == nil {
		return tagged, nil
	}
	return m, nil
}

// maxLearnt bounds the features of a detector that learns.
const maxLearnt = 256

func tooWide(width int) error {
	return protocol.Errorf(protocol.Invalid, "a row has %d features, more than the %d that can be learnt: give the node a reference, and set the parameter learn to false", width, maxLearnt)
}

func otherWidth(width, known int) error {
	return protocol.Errorf(protocol.Invalid, "its rows have %d features, and those that the node knows have %d", width, known)
}
