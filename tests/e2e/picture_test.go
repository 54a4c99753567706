//go:build e2e

package e2e

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chart is one line over time.
type chart struct {
	title string
	// stepped draws a value until it changes, as a number of pods does.
	stepped bool
	points  []sample
	marks   []mark
}

// mark is something that happened.
type mark struct {
	since time.Duration
	what  string
}

type sample struct {
	since time.Duration
	value float64
}

const (
	pictureWidth = 720
	chartHeight  = 110
	chartGap     = 46
	marginLeft   = 54
	marginRight  = 16
	// mostTimes are written below a chart.
	mostTimes = 15
)

// picture draws charts below each other, over the same time, as SVG.
func picture(charts []chart) string {
	last := time.Second
	for _, c := range charts {
		for _, p := range c.points {
			last = max(last, p.since)
		}
	}
	x := func(at time.Duration) float64 {
		return marginLeft + float64(pictureWidth-marginLeft-marginRight)*at.Seconds()/last.Seconds()
	}
	height := len(charts)*(chartHeight+chartGap) + 10
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		pictureWidth, height, pictureWidth, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", pictureWidth, height)
	for i, c := range charts {
		c.draw(&b, float64(i*(chartHeight+chartGap)+26), x, last)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (c *chart) draw(b *strings.Builder, top float64, x func(time.Duration) float64, last time.Duration) {
	most := 1.0
	for _, p := range c.points {
		most = max(most, p.value)
	}
	bottom := top + chartHeight
	y := func(value float64) float64 { return bottom - chartHeight*value/most }
	fmt.Fprintf(b, `<text x="%d" y="%.0f" fill="#222">%s</text>`+"\n", marginLeft, top-8, html.EscapeString(c.title))
	step := most / 2
	if c.stepped {
		step = max(1, math.Floor(most/4))
	}
	for value := 0.0; value <= most; value += step {
		fmt.Fprintf(b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%.0f</text>`+"\n",
			marginLeft, pictureWidth-marginRight, y(value), y(value), marginLeft-6, y(value)+4, value)
	}
	between := 20 * time.Second
	for last/between > mostTimes {
		between *= 2
	}
	for at := time.Duration(0); at <= last; at += between {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#555">%.0f s</text>`+"\n", x(at), bottom+15, at.Seconds())
	}
	var path strings.Builder
	for i, p := range c.points {
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x(p.since), y(p.value))
		case c.stepped:
			fmt.Fprintf(&path, "H%.1fV%.1f", x(p.since), y(p.value))
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x(p.since), y(p.value))
		}
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#1f6feb" stroke-width="2"/>`+"\n", path.String())
	for i, m := range c.marks { // In two rows, since they may be near to each other.
		fmt.Fprintf(b, `<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#b35900" stroke-dasharray="3 3"/>`+"\n", x(m.since), x(m.since), top, bottom)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="#b35900" font-size="10">%s</text>`+"\n", x(m.since)+3, top+9+float64(i%2)*11, html.EscapeString(m.what))
	}
}

// keep writes a file to the test's artifacts.
func keep(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(t.ArtifactDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s is in %s", name, path)
}
