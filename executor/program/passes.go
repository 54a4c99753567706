package program

import (
	"bytes"

	"github.com/prime-radiant/radiant/executor/server"
	"github.com/prime-radiant/radiant/graph"
)

// passes reports which headers of a node's answer are looked at: those that may
// reach the client and, where a node has a cache, what says that an answer is not to
// be kept.
func passes(p *server.Passing, root *graph.Node) func(name []byte) bool {
	kept := false
	root.Walk(func(_ string, n *graph.Node) { kept = kept || n.Policy != nil && n.Policy.Cache != nil })
	if !kept {
		return p.Wants
	}
	return func(name []byte) bool { return bytes.EqualFold(name, []byte("Cache-Control")) || p.Wants(name) }
}
