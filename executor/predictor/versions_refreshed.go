package predictor

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// VersionState is what a server says of one version of the model of a node.
type VersionState struct {
	Node, Version string
	// State is the server's word, such as AVAILABLE.
	State string
}

// Refreshed names the nodes whose models are looked at for new versions while their
// servers run.
func (p *Predictor) Refreshed() (nodes []string) {
	for i, n := range p.nodes {
		if p.plan.Steps[i].Node.ModelRefresh != "" {
			nodes = append(nodes, n.name)
		}
	}
	return nodes
}

// mostUnanswered is how many questions in a row a server may leave without an answer, or
// answer with an error of its own, before nothing is known of its versions any more.
const mostUnanswered = 3

// refreshed is what the server of a node with modelRefresh said last.
type refreshed struct {
	told []VersionState
	// unanswered is how many questions it has left without an answer since.
	unanswered int
}

// RefreshedVersions asks the servers of those nodes for the versions that they have, all at
// once. One that does not answer is taken to have those that it had, for some questions;
// then nothing is told of it. Where a server would choose a version before it can answer,
// the newest that can is what requests without one go to from then on. Nodes whose servers start
// with one version are not asked. It may be called by one goroutine at a time.
func (p *Predictor) RefreshedVersions(ctx context.Context, starts map[string]bool) (all []VersionState) {
	var asking sync.WaitGroup
	for i, n := range p.nodes {
		if n.versions != nil && p.plan.Steps[i].Node.ModelRefresh != "" && !starts[n.name] {
			asking.Go(func() { n.versions.askRefreshed(ctx) })
		}
	}
	asking.Wait()
	for _, n := range p.nodes {
		if n.versions != nil {
			all = append(all, n.versions.refreshed.told...)
			if n.versions.rule.Load().isPreferred {
				p.declares.Store(true)
			}
		}
	}
	return all
}

// askRefreshed asks for the versions of a node's model, which are refreshed.
func (v *versions) askRefreshed(ctx context.Context) {
	var pool message.Pool
	lease := pool.Lease()
	defer lease.Release()
	said, err := v.list(ctx, &message.Meta{Lease: lease}, time.Now())
	if err != nil {
		v.refreshed.unanswered++
		var refusal *protocol.Refusal
		isGone := errors.As(err, &refusal) && refusal.Status == http.StatusNotFound // It has no such model.
		if isGone || v.refreshed.unanswered >= mostUnanswered {
			v.refreshed.told = nil
		}
		return
	}
	before := v.refreshed.told
	v.refreshed = refreshed{}
	newest := ""
	for _, one := range said {
		v.refreshed.told = append(v.refreshed.told, VersionState{v.node, one.Version, one.State})
		if one.Available {
			newest = one.Version
		}
	}
	if !v.numbered {
		v.prefer(newest)
	}
	if !slices.Equal(before, v.refreshed.told) {
		v.loaded.Add(1)
	}
}
