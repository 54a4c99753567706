package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/drift"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
)

// watched is one side of a node: what comes, in windows.
type watched struct {
	*watching
	meter *driftMeter
	// of names the side, call is the call on the node that has its rows.
	of   string
	call graph.Call

	mu sync.Mutex
	// columns are those of the reference; nil while it is learnt. A column that is
	// nil cannot be compared.
	columns  []*drift.Column
	compared int
	// hash tells the columns from others; empty: nobody has asked yet.
	hash string
	// learnt are the first rows, of which the reference is made, and kept is that.
	learnt []reference.Column
	kept   json.RawMessage
	// current is the window that is under way, last the one that ended last.
	current, last span
	// windows and drifted count those that ended.
	windows, drifted int
}

// span is a window.
type span struct {
	rows         int
	began, ended time.Time
	// counts are those of each column by place.
	counts [][]uint32
	// found and drifts are by column, many is how many drift.
	found  []drift.Statistics
	drifts []bool
	many   int
}

// newSpan is an empty window of columns.
func newSpan(columns []*drift.Column) span {
	n := len(columns)
	w := span{counts: make([][]uint32, n), found: make([]drift.Statistics, n), drifts: make([]bool, n)}
	for i, c := range columns {
		if c != nil {
			w.counts[i] = make([]uint32, c.Places())
		}
	}
	return w
}

func newWatched(o *watching, m *driftMeter, of string, call graph.Call) *watched {
	return &watched{watching: o, meter: m, of: of, call: call}
}

// start takes over a reference that was read.
func (s *watched) start(r *reference.Reference) error {
	if len(r.Features) > maxWatched {
		return fmt.Errorf("modelUri: the reference has %d features, more than the %d that can be watched", len(r.Features), maxWatched)
	}
	columns := make([]*drift.Column, len(r.Features))
	for i := range r.Features {
		var err error
		if columns[i], err = drift.NewColumn(r.Label(i), &r.Features[i], r.Rows); err != nil {
			return fmt.Errorf("modelUri: %s: %w", r.Label(i), err)
		}
	}
	s.know(columns)
	return nil
}

func (s *watched) know(columns []*drift.Column) {
	s.columns, s.learnt, s.compared, s.hash = columns, nil, 0, ""
	for _, c := range columns {
		if c != nil {
			s.compared++
		}
	}
	s.current, s.last = newSpan(columns), newSpan(columns)
	s.meter.know(columns)
}

// width is that of the rows that it knows; 0: it knows none yet.
func (s *watched) width() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known()
}

func (s *watched) known() int { return max(len(s.columns), len(s.learnt)) }

// reference tells references apart; empty: it is being learnt. A reference has
// thousands of quantiles, so they are summed up once, and while nobody asks not at all.
func (s *watched) reference() string {
	if s.hash == "" && s.columns != nil {
		s.hash = drift.Hash(s.columns)
	}
	return s.hash
}

// take counts rows. Rows that do not go with the reference are refused, and none of
// the message is counted.
func (s *watched) take(rows *strips) error {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(rows); err != nil {
		return err
	}
	for r := range rows.rows {
		if s.columns == nil {
			s.learn(rows, r)
			continue
		}
		s.expire(now)
		if s.current.rows == 0 {
			s.current.began = now
		}
		s.count(rows, r)
		if s.current.rows == s.window {
			s.end(now)
		}
	}
	return nil
}

func (s *watched) fits(rows *strips) error {
	known := s.known()
	switch {
	case known == 0 && rows.width > maxLearnt:
		return protocol.Errorf(protocol.Invalid, "a row has %d features, more than the %d that can be learnt: give the node a reference by modelUri", rows.width, maxLearnt)
	case known > 0 && known != rows.width:
		return otherWidth(rows.width, known)
	case known == 0:
		return nil
	}
	at := 0
	for k := range rows.all {
		for range rows.all[k].width {
			words := rows.all[k].words != nil
			if s.columns != nil && s.columns[at] != nil && s.columns[at].Numeric() == words {
				return protocol.Errorf(protocol.Invalid, "%s is %s, and was %s in the reference", s.columns[at].Label, kindOf(words), kindOf(!words))
			}
			if s.columns == nil && (s.learnt[at].Words != nil) != words {
				return protocol.Errorf(protocol.Invalid, "%s is %s, and was %s in the rows before", reference.Label(s.learnt[at].Name, at), kindOf(words), kindOf(!words))
			}
			at++
		}
	}
	return nil
}

func kindOf(words bool) string {
	if words {
		return "text"
	}
	return "a number"
}

func (s *watched) count(rows *strips, r int) {
	s.current.rows++
	at := 0
	for k := range rows.all {
		part := &rows.all[k]
		from := r * part.width
		for j := range part.width {
			c := s.columns[at]
			switch {
			case c == nil:
			case part.words != nil:
				s.current.counts[at][c.Word(part.words[from+j])]++
			default:
				s.current.counts[at][c.Place(part.values[from+j])]++
			}
			at++
		}
	}
}

// learn keeps a row. With enough of them they are the reference.
func (s *watched) learn(rows *strips, r int) {
	if s.learnt == nil {
		s.learnt = make([]reference.Column, rows.width)
		for i := range s.learnt {
			s.learnt[i].Name = rows.label(i)
		}
	}
	at := 0
	for k := range rows.all {
		part := &rows.all[k]
		for j := range part.width {
			c := &s.learnt[at]
			if part.words != nil {
				c.Words = append(c.Words, string(drift.Cut(part.words[r*part.width+j])))
			} else {
				c.Numbers = append(c.Numbers, part.values[r*part.width+j])
			}
			at++
		}
	}
	if s.learnt[0].Len() >= s.warmup {
		s.conclude()
	}
}

// learntSide is a reference that a node made itself. A feature without a mean,
// quantiles and categories cannot be compared.
type learntSide struct {
	Rows     int64               `json:"rows"`
	Features []reference.Feature `json:"features"`
}

// conclude makes the reference of what was learnt. Words that are too many to be
// categories are not compared.
func (s *watched) conclude() {
	k := learntSide{Rows: int64(s.warmup), Features: make([]reference.Feature, len(s.learnt))}
	for i := range s.learnt {
		k.Features[i].Name = s.learnt[i].Name
		if r, err := reference.Build(s.learnt[i:i+1], reference.Options{}); err == nil {
			k.Features[i] = r.Features[0]
		}
	}
	if kept, err := json.Marshal(k); err == nil { // It holds finite numbers and words.
		s.kept = kept
	}
	s.know(k.columns())
}

func (k *learntSide) columns() []*drift.Column {
	columns := make([]*drift.Column, len(k.Features))
	for i := range k.Features {
		if c, err := drift.NewColumn(reference.Label(k.Features[i].Name, i), &k.Features[i], k.Rows); err == nil {
			columns[i] = c
		}
	}
	return columns
}

// expire ends the window if its time is over.
func (s *watched) expire(now time.Time) {
	if s.lasts > 0 && s.current.rows >= s.least && now.Sub(s.current.began) >= s.lasts {
		s.end(now)
	}
}

// end compares the window with the reference, and begins another.
func (s *watched) end(now time.Time) {
	w := &s.current
	w.ended = now
	w.many = s.judge(w.counts, w.rows, w.found, w.drifts)
	s.windows++
	if w.many > 0 {
		s.drifted++
		s.tell(w)
	}
	s.meter.ended(s, w)
	s.current, s.last = s.last, s.current
	for _, counts := range s.current.counts {
		clear(counts)
	}
	s.current.rows = 0
}

// driftEvent is what is told of a window that drifts.
type driftEvent struct {
	Drift bool    `json:"drift"`
	Of    string  `json:"of"`
	Test  string  `json:"test"`
	Alpha float64 `json:"alpha"`
	// Count is how many features drift, Window has the first of them.
	Count  int         `json:"count"`
	Window *SpanReport `json:"window"`
}

// mostTold bounds the features that an event names.
const mostTold = 100

func (s *watched) tell(w *span) {
	if s.reporter == nil {
		return
	}
	e := driftEvent{Drift: true, Of: s.of, Test: s.test, Alpha: s.alpha, Count: w.many, Window: s.span(w, false)}
	e.Window.Features = e.Window.Features[:min(w.many, mostTold)] // Those that drift come first.
	if body, err := json.Marshal(&e); err == nil {                // It holds finite numbers.
		s.reporter.Found(FoundDrift, s.call.String(), "", body)
	}
}

// judge compares counts of so many rows, and returns how many features drift. A
// feature does if its chance is below alpha over the number of features: so the
// chance that one of them seems to is at most alpha (the correction of C. E.
// Bonferroni, 1936).
func (s *watched) judge(counts [][]uint32, rows int, found []drift.Statistics, drifts []bool) (many int) {
	for i, c := range s.columns {
		if c == nil {
			continue
		}
		found[i] = c.Compare(counts[i], rows)
		statistic, chance := s.decisive(c, &found[i])
		drifts[i] = chance < s.alpha/float64(s.compared) && statistic > s.threshold
		if drifts[i] {
			many++
		}
	}
	return many
}

// decisive is the statistic that the node goes by, and its chance.
func (o *watching) decisive(c *drift.Column, s *drift.Statistics) (statistic, chance float64) {
	switch {
	case o.test == graph.TestPSI:
		return s.PSI, s.Chi2Chance
	case o.test == graph.TestChi2 || !c.Numeric():
		return s.Chi2, s.Chi2Chance
	}
	return s.KS, s.KSChance
}

func (s *watched) save() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// load takes over a reference that was learnt, unless there is one already.
func (s *watched) load(saved json.RawMessage) error {
	if len(saved) == 0 {
		return nil
	}
	var k learntSide
	if err := json.Unmarshal(saved, &k); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.columns != nil {
		return nil
	}
	if k.Rows < 1 || len(k.Features) == 0 || len(k.Features) > maxLearnt {
		return errors.New("it has no features, or too many")
	}
	s.kept = saved
	s.know(k.columns())
	return nil
}
