package local

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// progress is how far a job is, as the lines of the replica that leads tell. It
// understands what Keras prints, and words such as "epoch=3 step 120 loss: 0.25".
type progress struct {
	mu sync.Mutex
	// patterns are compiled once.
	patterns      []pattern
	epoch, epochs string
	step, steps   string
	loss          string
	began         time.Time
}

// pattern finds one number in a line.
type pattern struct {
	find *regexp.Regexp
	// set takes what was found: the number, and after a slash or "of" the number of all.
	set func(p *progress, number, all string)
}

// patterns is the table of what is understood.
func patterns() []pattern {
	step := func(p *progress, n, all string) { p.step, p.steps = n, all }
	return []pattern{
		{regexp.MustCompile(`(?i)\bepoch\b['":=#\[ ]*(\d+)(?: ?(?:/|of) ?(\d+))?`), func(p *progress, n, all string) {
			p.epoch, p.epochs = n, all
			p.step, p.steps = "", ""
		}},
		{regexp.MustCompile(`(?i)\bstep\b['":=#\[ ]*(\d+)(?: ?(?:/|of) ?(\d+))?`), step},
		{regexp.MustCompile(`^\s*(\d+)/(\d+) [-\[━]`), step},
		{regexp.MustCompile(`(?i)\bloss\b['":= ]*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)()`), func(p *progress, n, _ string) { p.loss = n }},
	}
}

func newProgress() *progress { return &progress{patterns: patterns(), began: time.Now()} }

// read takes a line, and reports whether it told something.
func (p *progress) read(line string) bool {
	if !strings.ContainsAny(line, "0123456789") {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	told := false
	for _, known := range p.patterns {
		if found := known.find.FindStringSubmatch(line); found != nil {
			known.set(p, found[1], found[2])
			told = true
		}
	}
	return told
}

// last says in an addition to a sentence how far the job came.
func (p *progress) last() string {
	if parts := p.parts(); len(parts) > 0 {
		return "; last were " + strings.Join(parts, ", ")
	}
	return ""
}

// String is one line for the user, as in "epoch 3/10, step 120/469, loss 0.25 (12s)".
func (p *progress) String() string {
	return fmt.Sprintf("%s (%v)", strings.Join(p.parts(), ", "), time.Since(p.began).Round(time.Second))
}

func (p *progress) parts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var parts []string
	add := func(name, number, all string) {
		if all != "" {
			number += "/" + all
		}
		if number != "" {
			parts = append(parts, name+" "+number)
		}
	}
	add("epoch", p.epoch, p.epochs)
	add("step", p.step, p.steps)
	add("loss", p.loss, "")
	return parts
}
