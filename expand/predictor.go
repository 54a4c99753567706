package expand

import (
	"cmp"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/scaling"
)

// predictor is one predictor while it is expanded. Its spec is a copy that the
// steps complete.
type predictor struct {
	in         *Input
	deployment *v1.SeldonDeployment
	spec       *v1.PredictorSpec
	// key names the predictor's Service and is the label its pods carry.
	key string
	// nodes are the graph's nodes by name, order lists them parents first.
	nodes map[string]*graph.Node
	order []*graph.Node
	// components are the pods of componentSpecs, host is the one that holds
	// the executor: one of components, a pod of its own, or nil without one.
	components []*workload
	host       *workload
	// own is what the user says of the executor by a container of its name.
	own ownExecutor
	// frontService leads to the predictor, explainerService to its explainer,
	// if there is one.
	frontService, explainerService *corev1.Service
	// nodeServices lead to the graph's containers, by their names.
	nodeServices map[string]*corev1.Service
	// scaled are the components that their requests scale.
	scaled map[*v1.SeldonPodSpec]scaling.Policy
	// objects is the result.
	objects []Object
}

// workload is one Deployment in the making.
type workload struct {
	// spec is nil for a pod that no componentSpec describes.
	spec       *v1.SeldonPodSpec
	deployment *appsv1.Deployment
}

func (w *workload) pod() *corev1.PodSpec { return &w.deployment.Spec.Template.Spec }

// container returns the container of that name, or nil. It is valid until the
// next one is added.
func (w *workload) container(name string) *corev1.Container {
	containers := w.pod().Containers
	for i := range containers {
		if containers[i].Name == name {
			return &containers[i]
		}
	}
	return nil
}

// step is one aspect of an expansion.
type step struct {
	name string
	run  func(*predictor) error
}

// steps lists the aspects in their order: each reads what the ones before it
// made.
func steps() []step {
	return []step{
		{"placing containers", (*predictor).place},
		{"reading the executor's container", (*predictor).readExecutor},
		{"reading what scales", (*predictor).readScaling},
		{"building pods", (*predictor).buildPods},
		{"setting up model servers", (*predictor).serveModels},
		{"completing containers", (*predictor).completeUnits},
		{"fetching models", (*predictor).fetchModels},
		{"adding the executor", (*predictor).addExecutor},
		{"mounting certificates", (*predictor).mountCertificates},
		{"labelling pods", (*predictor).labelPods},
		{"telling shares of versions", (*predictor).tellShares},
		{"telling versions to start with", (*predictor).tellStarts},
		{"collecting Deployments", (*predictor).collectDeployments},
		{"making Services", (*predictor).makeServices},
		{"scaling by requests", (*predictor).scaleByRequests},
		{"letting replicas find each other", (*predictor).makePeers},
		{"making autoscalers", (*predictor).makeAutoscalers},
		{"making disruption budgets", (*predictor).makeDisruptionBudgets},
		{"adding the explainer", (*predictor).addExplainer},
	}
}

func newPredictor(in *Input, d *v1.SeldonDeployment, spec *v1.PredictorSpec) *predictor {
	p := &predictor{
		in:         in,
		deployment: d,
		spec:       spec,
		key:        d.PredictorName(spec),
		nodes:      map[string]*graph.Node{},

		nodeServices: map[string]*corev1.Service{},
	}
	spec.Graph.Walk(func(_ string, n *graph.Node) {
		if _, used := p.nodes[n.Name]; !used {
			p.nodes[n.Name] = n
			p.order = append(p.order, n)
		}
	})
	return p
}

func (p *predictor) expand() error {
	for _, s := range steps() {
		if err := s.run(p); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (p *predictor) add(o Object) { p.objects = append(p.objects, o) }

// outside is the protocol that the predictor's clients speak.
func (p *predictor) outside() v1.Protocol { return p.deployment.Spec.Protocol.Canonical() }

// speaks is the protocol that a node's server speaks.
func (p *predictor) speaks(n *graph.Node) v1.Protocol {
	if n.Endpoint == nil || n.Endpoint.Protocol == "" {
		return p.outside()
	}
	return v1.Protocol(n.Endpoint.Protocol).Canonical()
}

func (p *predictor) transport() v1.Transport {
	return cmp.Or(p.deployment.Spec.Transport, v1.TransportREST)
}

// isSet reports whether a setting says true, however it is spelt.
func isSet(value string) bool { return strings.EqualFold(value, "true") }
