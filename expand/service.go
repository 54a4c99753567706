package expand

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// makeServices makes the predictor's Service, and one for each graph
// container.
func (p *predictor) makeServices() error {
	p.frontService = p.predictorService()
	p.add(p.frontService)
	made := map[string]bool{}
	for _, w := range p.components {
		for _, c := range w.pod().Containers {
			// A node whose container is in two pods has one Service for both.
			if n := p.nodes[c.Name]; n != nil && n.Endpoint != nil && !made[c.Name] {
				made[c.Name] = true
				p.nodeServices[c.Name] = p.containerService(n)
				p.add(p.nodeServices[c.Name])
			}
		}
	}
	return nil
}

// predictorService leads to the executor, or to the model where there is none.
func (p *predictor) predictorService() *corev1.Service {
	labels := map[string]string{}
	if p.spec.NoExecutor() {
		p.labelRole(labels, &p.spec.Graph)
	}
	maps.Copy(labels, map[string]string{
		v1.LabelApp:          p.key,
		v1.LabelDeploymentID: p.deployment.ID(),
		v1.LabelManagedBy:    v1.ManagedBy,
	})
	s := p.service(p.key, labels, map[string]string{v1.LabelApp: p.key})
	s.Spec.Ports = servicePorts(p.front())
	p.setHeadless(s)
	return s
}

// front says where the predictor's first container listens and under which
// numbers its Service offers that. Without an executor the graph's only node
// comes first.
func (p *predictor) front() (listen, offered Ports) {
	if e := p.spec.Graph.Endpoint; p.spec.NoExecutor() && e != nil {
		listen = Ports{HTTP: e.HTTPPort, GRPC: e.GRPCPort}
		return listen, listen
	}
	return p.executorPorts(), p.servicePorts()
}

func (p *predictor) containerService(n *graph.Node) *corev1.Service {
	name := p.deployment.ContainerServiceName(p.spec, n.Name)
	labels := map[string]string{
		v1.LabelUnitPrefix + n.Name: name,
		v1.LabelApp:                 p.key,
		v1.LabelDeploymentID:        p.deployment.ID(),
		v1.LabelManagedBy:           v1.ManagedBy,
	}
	p.labelRole(labels, n)
	s := p.service(name, labels, map[string]string{v1.LabelUnitPrefix + n.Name: name})
	ports := Ports{HTTP: n.Endpoint.HTTPPort, GRPC: n.Endpoint.GRPCPort}
	s.Spec.Ports = servicePorts(ports, ports)
	return s
}

func (p *predictor) labelRole(labels map[string]string, n *graph.Node) {
	if role := v1.RoleLabel(n.Type); role != "" {
		labels[role] = "true"
	}
	if p.spec.Shadow {
		labels[v1.LabelShadow] = "true"
	}
}

func (p *predictor) service(name string, labels, selector map[string]string) *corev1.Service {
	return &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Labels:      labels,
			Annotations: maps.Clone(p.spec.Annotations),
		},
		Spec: corev1.ServiceSpec{
			Type:            corev1.ServiceTypeClusterIP,
			SessionAffinity: corev1.ServiceAffinityNone,
			Selector:        selector,
		},
	}
}

func servicePorts(listen, offered Ports) []corev1.ServicePort {
	port := func(name string, offered, listen int32) corev1.ServicePort {
		return corev1.ServicePort{
			Name: name, Port: offered, TargetPort: intstr.FromInt32(listen), Protocol: corev1.ProtocolTCP,
		}
	}
	return []corev1.ServicePort{
		port(v1.HTTPPortName, offered.HTTP, listen.HTTP),
		port(v1.GRPCPortName, offered.GRPC, listen.GRPC),
	}
}

// annotate sets an annotation of a Service.
func annotate(s *corev1.Service, name, value string) {
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[name] = value
}

// setHeadless lets a Service lead to its pods by DNS where the user asks for
// that: any value but "false" says yes, the empty one too.
func (p *predictor) setHeadless(s *corev1.Service) {
	if value, ok := p.deployment.Annotation(v1.AnnotationHeadless); ok && value != "false" {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
}
