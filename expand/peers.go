package expand

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

const envPeers = "RADIANT_PEERS"

// sharesCounts reports whether the graph has nodes whose replicas add up what they
// count. On a laptop there is one replica of each.
func (p *predictor) sharesCounts() bool {
	if p.spec.NoExecutor() || p.in.Places.Executor != nil {
		return false
	}
	for _, n := range p.order {
		if graph.BuiltinOf(n.Implementation).Shares() {
			return true
		}
	}
	return false
}

// peers is where an executor finds those of the other replicas.
func (p *predictor) peers() string {
	at := p.deployment.ServiceHost(p.deployment.PeersName(p.spec)) + ":" + strconv.Itoa(int(p.executorPorts().HTTP))
	if p.spec.SSL != nil {
		return "https://" + at
	}
	return at
}

// makePeers makes the Service by whose name each ready executor of the predictor has
// an address of its own.
func (p *predictor) makePeers() error {
	if !p.sharesCounts() {
		return nil
	}
	labels := map[string]string{v1.LabelDeploymentID: p.deployment.ID(), v1.LabelManagedBy: v1.ManagedBy}
	s := p.service(p.deployment.PeersName(p.spec), labels, map[string]string{v1.LabelApp: p.key})
	s.Annotations = nil
	s.Spec.ClusterIP = corev1.ClusterIPNone
	listen := p.executorPorts()
	s.Spec.Ports = servicePorts(listen, listen)[:1]
	p.add(s)
	return nil
}
