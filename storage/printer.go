package storage

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

// Printer shows progress: a bar that is drawn anew on a terminal, a structured
// line every few seconds elsewhere.
type Printer struct {
	w        io.Writer
	log      *slog.Logger
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
	// The time of a line is that of the clock that was given.
	handler := slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			a.Value = slog.TimeValue(now().UTC().Truncate(time.Second))
		}
		return a
	}})
	return &Printer{w: w, log: slog.New(handler), terminal: terminal, now: now}
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
	switch {
	case !p.terminal:
		p.line(s, now)
	case whole:
		fmt.Fprintf(p.w, "\r\x1b[K%s\n", p.text(s, now))
	default:
		fmt.Fprintf(p.w, "\r\x1b[K%s", p.text(s, now))
	}
	if s.Done {
		p.uri = ""
	}
}

// line writes one for people and for programs.
func (p *Printer) line(s Progress, now time.Time) {
	if s.Failed != nil {
		p.log.Warn("fetch failed, trying again", "uri", s.URI, "pause", s.Pause, "error", s.Failed)
		return
	}
	message := "fetching"
	if s.Done {
		message = "fetched"
	}
	fields := []any{"uri", s.URI, "bytes", s.Bytes}
	if s.Total > 0 && !s.Done {
		fields = append(fields, "total", s.Total, "percent", 100*s.Bytes/s.Total)
	}
	seconds := now.Sub(p.start).Seconds()
	fields = append(fields, "seconds", fmt.Sprintf("%.1f", seconds))
	if seconds > 0 {
		fields = append(fields, "rate", transfer.Size(int64(float64(s.Bytes)/seconds))+"/s")
	}
	p.log.Info(message, fields...)
}

// text is what a terminal shows.
func (p *Printer) text(s Progress, now time.Time) string {
	seconds := now.Sub(p.start).Seconds()
	if s.Failed != nil {
		return fmt.Sprintf("fetching %s failed, next attempt in %s: %v", s.URI, s.Pause, s.Failed)
	}
	if s.Done {
		return fmt.Sprintf("fetched %s, %s in %.1fs", s.URI, transfer.Size(s.Bytes), seconds)
	}
	amount := transfer.Size(s.Bytes)
	if s.Total > 0 {
		amount += fmt.Sprintf(" of %s (%d%%)", transfer.Size(s.Total), 100*s.Bytes/s.Total)
	}
	if seconds >= 1 {
		amount += fmt.Sprintf(", %s/s", transfer.Size(int64(float64(s.Bytes)/seconds)))
	}
	if s.Total <= 0 {
		return fmt.Sprintf("fetching %s, %s", s.URI, amount)
	}
	full := int(min(s.Bytes, s.Total) * barWidth / s.Total)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "] " + amount
}
