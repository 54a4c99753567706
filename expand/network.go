package expand

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// NetworkConfig says who may connect to the pods of deployments.
type NetworkConfig struct {
	// Policies makes a NetworkPolicy for each deployment that does not say
	// otherwise by [v1.AnnotationNetworkPolicy].
	Policies bool
	// From are namespaces whose pods may connect, and blocks of addresses such as
	// 10.0.0.0/8, separated by commas.
	From string
}

// labelNamespace is the label by which a namespace has its name.
const labelNamespace = "kubernetes.io/metadata.name"

// networkPolicy lets the pods of a deployment be connected to by each other, by
// the namespaces of the gateways that its routes name and by those that the
// installation lists, and by nobody else. It is nil where none is asked for.
func networkPolicy(d *v1.SeldonDeployment, c *Config) *networkingv1.NetworkPolicy {
	wanted := c.Network.Policies
	if text, ok := d.Annotation(v1.AnnotationNetworkPolicy); ok {
		wanted = isSet(text)
	}
	if !wanted {
		return nil
	}
	labels := map[string]string{v1.LabelDeploymentID: d.ID()}
	namespaces := c.Ingress.namespaces(d)
	var peers []networkingv1.NetworkPolicyPeer
	for part := range strings.SplitSeq(c.Network.From, ",") {
		switch part = strings.TrimSpace(part); {
		case part == "":
		case strings.Contains(part, "/"):
			peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: part}})
		default:
			namespaces = append(namespaces, part)
		}
	}
	slices.Sort(namespaces)
	if namespaces = slices.Compact(namespaces); len(namespaces) > 0 {
		peers = append(peers, networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: labelNamespace, Operator: metav1.LabelSelectorOpIn, Values: namespaces}},
		}})
	}
	peers = append(peers, networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}})
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: d.ID(), Labels: map[string]string{
			v1.LabelDeploymentID: d.ID(), v1.LabelManagedBy: v1.ManagedBy,
		}},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: labels},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: peers}},
		},
	}
}

// namespaces are those of the gateways that the routes of d name.
func (s WaySettings) namespaces(d *v1.SeldonDeployment) []string {
	var all []string
	t := &traffic{deployment: d, config: s}
	for _, way := range s.waysOn() {
		for _, name := range way.gateways(t) {
			if namespace, _, ok := strings.Cut(name, "/"); ok {
				all = append(all, namespace)
			}
		}
	}
	return all
}

// gateways lists the gateways that a way's routes name.
func (w *Way) gateways(t *traffic) []string {
	var all []string
	for setting, annotation := range w.Gateways {
		all = append(all, t.list(annotation, t.config[setting])...)
	}
	return all
}
