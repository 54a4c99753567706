package program

import (
	"bytes"

	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/graph"
)

// passes reports which headers of a node's answer are looked at: those that may
// reach the client and, where a node has a cache, what says that an answer is not to
// be kept: in words, by a cookie, or by what it depends on.
func passes(p *server.Passing, root *graph.Node) func(name []byte) bool {
	kept := false
	root.Walk(func(_ string, n *graph.Node) { kept = kept || n.Policy != nil && n.Policy.Cache != nil })
	if !kept {
		return p.Wants
	}
	return func(name []byte) bool {
		for _, said := range [...]string{"Cache-Control", "Set-Cookie", "Vary"} {
			if bytes.EqualFold(name, []byte(said)) {
				return true
			}
		}
		return p.Wants(name)
	}
}
