package storage

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Printer shows progress: a bar that is drawn anew on a terminal, a line every
// few seconds elsewhere.
type Printer struct {
	w        io.Writer
	terminal bool
	now      func() time.Time

	uri         string
	start, last time.Time
}

const (
	barWidth   = 30
	redrawing  = 100 * time.Millisecond
	linesApart = 5 * time.Second
)

// NewPrinter writes to w; now is the clock, such as time.Now.
func NewPrinter(w io.Writer, terminal bool, now func() time.Time) *Printer {
	return &Printer{w: w, terminal: terminal, now: now}
}

// Print is an [Options].Progress. It is for one fetch at a time.
func (p *Printer) Print(s Progress) {
	now := p.now()
	if s.URI != p.uri {
		p.uri, p.start, p.last = s.URI, now, now
	}
	apart := linesApart
	if p.terminal {
		apart = redrawing
	}
	whole := s.Done || s.Failed != nil
	if !whole && now.Sub(p.last) < apart {
		return
	}
	p.last = now
	line := p.line(s, now)
	switch {
	case !p.terminal:
		fmt.Fprintln(p.w, line)
	case whole:
		fmt.Fprintf(p.w, "\r\x1b[K%s\n", line)
	default:
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	}
	if s.Done {
		p.uri = ""
	}
}

func (p *Printer) line(s Progress, now time.Time) string {
	seconds := now.Sub(p.start).Seconds()
	if s.Failed != nil {
		return fmt.Sprintf("fetching %s failed, next attempt in %s: %v", s.URI, s.Pause, s.Failed)
	}
	if s.Done {
		return fmt.Sprintf("fetched %s, %s in %.1fs", s.URI, size(s.Bytes), seconds)
	}
	amount := size(s.Bytes)
	if s.Total > 0 {
		amount += fmt.Sprintf(" of %s (%d%%)", size(s.Total), 100*s.Bytes/s.Total)
	}
	if seconds >= 1 {
		amount += fmt.Sprintf(", %s/s", size(int64(float64(s.Bytes)/seconds)))
	}
	if !p.terminal || s.Total <= 0 {
		return fmt.Sprintf("fetching %s, %s", s.URI, amount)
	}
	full := int(min(s.Bytes, s.Total) * barWidth / s.Total)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "] " + amount
}

// size spells a number of bytes for people.
func size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}
