package message

import "sync/atomic"

// Versions is what a request says of the versions of models, and which ones answered.
type Versions struct {
	// Asked is what the client asks for in a header, in its words; empty: nothing.
	Asked string
	// answered are by the index of a node's step.
	answered []atomic.Pointer[string]
}

// NewVersions is for a graph of so many nodes.
func NewVersions(asked string, nodes int) *Versions {
	return &Versions{Asked: asked, answered: make([]atomic.Pointer[string], nodes)}
}

// Answer notes that a version answered for the node of a step. A nil receiver
// notes nothing.
func (v *Versions) Answer(step int, version string) {
	if v != nil {
		v.answered[step].Store(&version)
	}
}

// Answered is the version that answered for the node of a step; empty: not known.
func (v *Versions) Answered(step int) string {
	if v == nil {
		return ""
	}
	if version := v.answered[step].Load(); version != nil {
		return *version
	}
	return ""
}
