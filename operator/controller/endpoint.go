package controller

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// serviceStatus lists the addresses of the deployment's Services.
func (p *pass) serviceStatus() map[string]v1.ServiceStatus {
	all := map[string]v1.ServiceStatus{}
	for _, d := range p.desired {
		s, ok := d.object.(*corev1.Service)
		if !ok {
			continue
		}
		at := func(port int32) string {
			if port == 0 {
				return ""
			}
			return fmt.Sprintf("%s.%s:%d", s.Name, s.Namespace, port)
		}
		status := v1.ServiceStatus{
			SvcName:      s.Name,
			HTTPEndpoint: at(portNamed(s, v1.HTTPPortName)),
			GRPCEndpoint: at(portNamed(s, v1.GRPCPortName)),
		}
		if s.Labels[v1.LabelExplainer] != "" {
			status.ExplainerFor = s.Labels[v1.LabelApp]
		}
		all[s.Name] = status
	}
	return all
}

func portNamed(s *corev1.Service, name string) int32 {
	for _, port := range s.Spec.Ports {
		if port.Name == name {
			return port.Port
		}
	}
	return 0
}

// address is where the first predictor takes requests.
func (p *pass) address() *v1.Address {
	d := p.deployment
	if len(d.Spec.Predictors) == 0 {
		return nil
	}
	first := &d.Spec.Predictors[0]
	name := d.PredictorName(first)
	for _, want := range p.desired {
		s, ok := want.object.(*corev1.Service)
		if !ok || s.Name != name {
			continue
		}
		return &v1.Address{URL: fmt.Sprintf("http://%s:%d%s", d.ServiceHost(name), portNamed(s, v1.HTTPPortName), predictPath(d, first))}
	}
	return nil
}

// predictPath is the path of predictions, by the outside protocol.
func predictPath(d *v1.SeldonDeployment, p *v1.PredictorSpec) string {
	switch d.Spec.Protocol.Canonical() {
	case v1.ProtocolTensorFlow:
		return "/v1/models/" + p.Graph.Name + ":predict"
	case v1.ProtocolV2:
		return "/v2/models/" + p.Graph.Name + "/infer"
	}
	return "/api/v1.0/predictions"
}
