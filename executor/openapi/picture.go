package openapi

import (
	"cmp"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Share is a predictor of the deployment and what it gets of the requests.
type Share struct {
	Name    string `json:"name"`
	Percent int    `json:"percent"`
	// Shadow gets copies of that many percent, and its answers go to nobody.
	Shadow bool `json:"shadow"`
}

// The measures of a picture, in its own units, which are pixels unless it is
// scaled down.
const (
	boxHeight = 46
	boxGap    = 16
	// arrow is the room between two columns, step that of a level where
	// children stand below their parent.
	arrow, step = 46, 26
	margin      = 12
	// letter is the width of a letter of the larger font, or somewhat more.
	letter   = 9
	mostText = 30
)

// box is a node of the graph on the picture.
type box struct {
	node          *Node
	children      []*box
	x, y          int
	width, height int
}

// Picture draws a graph as SVG: boxes and arrows from the root to its children,
// below the shares of the deployment's predictors. It is a picture by itself,
// without scripts and styles. Narrow makes it as narrow as it can be: children
// stand below their parents and not beside them.
func Picture(n Names, g *Graph, narrow bool) []byte {
	root := boxes(g)
	var width, height int
	top := margin
	if len(g.Shares) > 1 {
		top += 30
		if narrow {
			top += 20 * (len(g.Shares) - 1)
		}
	}
	if narrow {
		width, height = root.placeBelow(margin, top)
	} else {
		width, height = root.placeBeside(margin, top)
	}
	var s strings.Builder
	shares, sharesWidth := sharesOf(n, g.Shares, narrow)
	width = max(width, sharesWidth) + margin
	// On a dark page the words can be read too.
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" role="img" style="background:#fff">`, width, height, width, height)
	fmt.Fprintf(&s, "<title>The graph of predictor %s</title>", html.EscapeString(n.Predictor))
	s.WriteString(`<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>`)
	s.WriteString(shares)
	root.draw(&s, narrow)
	s.WriteString("</svg>\n")
	return []byte(s.String())
}

// boxes makes a tree of the nodes, which are in depth-first order.
func boxes(g *Graph) *box {
	var way []*box
	for i := range g.Nodes {
		n := &g.Nodes[i]
		b := &box{node: n, height: boxHeight}
		letters := max(utf8.RuneCountInString(clipped(n.Name))*letter, utf8.RuneCountInString(clipped(n.label()))*letter)
		b.width = max(letters+24, 90)
		way = append(way[:min(n.Depth, len(way))], b)
		if len(way) > 1 {
			parent := way[len(way)-2]
			parent.children = append(parent.children, b)
		}
	}
	return way[0]
}

// label is the second line of a box.
func (n *Node) label() string {
	label := cmp.Or(n.Type, "MODEL")
	if n.Foreign {
		label += " (" + n.Speaks + ")"
	}
	return label
}

func clipped(text string) string {
	if utf8.RuneCountInString(text) <= mostText {
		return text
	}
	return string([]rune(text)[:mostText-1]) + "…"
}

// placeBeside puts children to the right of their parent, and returns how far
// right and down the boxes go.
func (b *box) placeBeside(x, y int) (right, bottom int) {
	b.x, b.y = x, y
	right, bottom = x+b.width+margin, y+boxHeight+margin
	childY := y
	for _, c := range b.children {
		r, low := c.placeBeside(x+b.width+arrow, childY)
		right, bottom = max(right, r), max(bottom, low)
		childY = low - margin + boxGap
	}
	if n := len(b.children); n > 0 {
		b.y = (b.children[0].y + b.children[n-1].y) / 2
	}
	return right, bottom
}

// placeBelow puts children below their parent, one step further right.
func (b *box) placeBelow(x, y int) (right, bottom int) {
	b.x, b.y = x, y
	right, bottom = x+b.width+margin, y+boxHeight+margin
	for _, c := range b.children {
		r, low := c.placeBelow(x+step, bottom-margin+boxGap)
		right, bottom = max(right, r), low
	}
	return right, bottom
}

// draw writes the arrows to the children, then the box, then the children.
func (b *box) draw(s *strings.Builder, narrow bool) {
	for _, c := range b.children {
		middle := c.y + c.height/2
		if narrow {
			fmt.Fprintf(s, `<path d="M%d %dV%dH%d" fill="none" stroke="#555" marker-end="url(#end)"/>`, b.x+step/2, b.y+b.height, middle, c.x)
		} else {
			from, bend := b.x+b.width, b.x+b.width+arrow/2
			fmt.Fprintf(s, `<path d="M%d %dC%d %d %d %d %d %d" fill="none" stroke="#555" marker-end="url(#end)"/>`,
				from, b.y+b.height/2, bend, b.y+b.height/2, bend, middle, c.x, middle)
		}
	}
	fill, dash := "#e8f1fb", ""
	switch {
	case b.node.Speaks == "":
		fill, dash = "#f4f4f4", ` stroke-dasharray="4 3"` // The executor itself.
	case len(b.children) > 0:
		fill = "#fdf1dc"
	}
	fmt.Fprintf(s, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#555"%s/>`, b.x, b.y, b.width, b.height, fill, dash)
	fmt.Fprintf(s, `<text x="%d" y="%d" font-size="14" font-weight="bold" fill="#222">%s</text>`, b.x+12, b.y+19, html.EscapeString(clipped(b.node.Name)))
	fmt.Fprintf(s, `<text x="%d" y="%d" font-size="12" fill="#555">%s</text>`, b.x+12, b.y+36, html.EscapeString(clipped(b.node.label())))
	for _, c := range b.children {
		c.draw(s, narrow)
	}
}

// sharesOf writes which predictors there are, in a line, or where that is narrow
// in a line each. The one that the graph belongs to is bold.
func sharesOf(n Names, all []Share, narrow bool) (text string, width int) {
	if len(all) < 2 {
		return "", 0
	}
	var s strings.Builder
	x, y := margin, margin+14
	for _, p := range all {
		words := fmt.Sprintf("%s %d %%", clipped(p.Name), p.Percent)
		if p.Shadow {
			words = fmt.Sprintf("%s: copies of %d %%", clipped(p.Name), p.Percent)
		}
		weight := ""
		if p.Name == n.Predictor {
			words, weight = words+" (this page)", ` font-weight="bold"`
		}
		fmt.Fprintf(&s, `<text x="%d" y="%d" font-size="14" fill="#222"%s>%s</text>`, x, y, weight, html.EscapeString(words))
		wide := utf8.RuneCountInString(words)*letter + 24
		width = max(width, x+wide)
		if narrow {
			y += 20
		} else {
			x += wide
		}
	}
	return s.String(), width
}
