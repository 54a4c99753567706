package predictor

import (
	"context"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
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
		if n.versions != nil && p.plan.Steps[i].Node.ModelRefresh != "" {
			nodes = append(nodes, n.name)
		}
	}
	return nodes
}

// RefreshedVersions asks the servers of those nodes for the versions that they have. Of
// one that does not answer nothing is told.
func (p *Predictor) RefreshedVersions(ctx context.Context) (all []VersionState) {
	var pool message.Pool
	lease := pool.Lease()
	defer lease.Release()
	for i, n := range p.nodes {
		if n.versions == nil || p.plan.Steps[i].Node.ModelRefresh == "" {
			continue
		}
		told, err := n.versions.list(ctx, &message.Meta{Lease: lease}, time.Now())
		if err != nil {
			continue
		}
		for _, v := range told {
			all = append(all, VersionState{n.name, v.Version, v.State})
		}
	}
	return all
}
