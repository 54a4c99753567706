package expand

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Ways is the table of all ways into the cluster.
func Ways() []Way {
	return []Way{gatewayWay(), istioWay(), ambassadorWay(), plainWay()}
}

// routing is what is routed to a deployment, in terms that all kinds share.
// REST comes by a prefix of the path, gRPC by the headers "seldon" and
// "namespace".
type routing struct {
	deployment *v1.SeldonDeployment
	config     WaySettings
	// backends are the predictors that answer; shadow gets copies, or is nil.
	backends   []backend
	shadow     *backend
	explainers []backend
}

// backend is a Service that requests are routed to.
type backend struct {
	index     int // of the predictor
	predictor string
	service   *corev1.Service
	// http and grpc are ports of the Service; an explainer has no grpc.
	http, grpc int32
	// weight is a percentage: the share of requests of a predictor beside
	// others, or that of copies to a shadow, where 0 means all.
	weight int32
	// version is the label by which the predictor's pods are told apart.
	version string
	// certSecret is set if the Service speaks TLS.
	certSecret string
}

// fronts returns the Services of a predictor and of its explainer, or nil, and
// the ports of the first.
type fronts func(predictor int) (service, explainer *corev1.Service, ports Ports)

// routed reads a deployment's routing. Without fronts it has no Services.
func routed(d *v1.SeldonDeployment, config WaySettings, front fronts) *routing {
	r := &routing{deployment: d, config: config}
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		b := backend{index: i, predictor: p.Name, weight: p.Traffic, version: p.Labels[v1.LabelVersion]}
		if p.SSL != nil && !p.NoExecutor() {
			b.certSecret = p.SSL.CertSecretName
		}
		if front != nil {
			service, explainer, ports := front(i)
			b.service, b.http, b.grpc = service, ports.HTTP, ports.GRPC
			if explainer != nil {
				r.explainers = append(r.explainers, backend{
					index: i, predictor: p.Name, service: explainer, http: explainer.Spec.Ports[0].Port, version: b.version,
				})
			}
		}
		if p.Shadow {
			r.shadow = &b
		} else {
			r.backends = append(r.backends, b)
		}
	}
	if len(r.backends) == 1 && r.backends[0].weight != 100 {
		r.backends[0].weight = 0 // It gets all there is.
	}
	return r
}

// routes makes the objects of all ways that the installation has.
func (r *routing) routes() ([]Object, error) {
	if len(r.backends) == 0 { // Not valid, and nothing to lead to.
		return nil, nil
	}
	var objects []Object
	var errs []error
	for _, way := range r.config.waysOn() {
		some, err := way.route(r)
		if err != nil {
			errs = append(errs, fmt.Errorf("routing by %s: %w", way.Name, err))
		}
		objects = append(objects, some...)
	}
	return objects, errors.Join(errs...)
}

// prefix is that of the deployment's paths, with a slash at its end.
func (r *routing) prefix() string {
	return "/seldon/" + r.deployment.Namespace + "/" + r.deployment.Name + "/"
}

// explainerPrefix is that of an explainer's paths.
func (r *routing) explainerPrefix(e *backend) string {
	return "/seldon/" + r.deployment.Namespace + "/" + r.deployment.Name + "-explainer/" + e.predictor + "/"
}

// host is a Service's name in the whole cluster.
func (r *routing) host(b *backend) string { return r.deployment.ServiceHost(b.service.Name) }

// predictors lists the backends and the shadow.
func (r *routing) predictors() []*backend {
	var all []*backend
	for i := range r.backends {
		all = append(all, &r.backends[i])
	}
	if r.shadow != nil {
		all = append(all, r.shadow)
	}
	return all
}

// weighted reports whether requests are divided among predictors.
func (r *routing) weighted() bool { return len(r.backends) > 1 }

// text returns a setting of the deployment, or otherwise.
func (r *routing) text(annotation, otherwise string) string {
	if value, ok := r.deployment.Annotation(annotation); ok && value != "" {
		return value
	}
	return otherwise
}

// list returns a setting that is a list with commas.
func (r *routing) list(annotation, otherwise string) []string {
	var parts []string
	for part := range strings.SplitSeq(r.text(annotation, otherwise), ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// number returns a setting that is a whole number, 0 or more, or otherwise.
func (r *routing) number(annotation string, otherwise int64) (int64, error) {
	text := r.text(annotation, "")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return otherwise, fmt.Errorf("annotation %s: %q is not a whole number", annotation, text)
	}
	return n, nil
}

const (
	annotationRESTTimeout = "seldon.io/rest-timeout"
	annotationGRPCTimeout = "seldon.io/grpc-timeout"
)

func (r *routing) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: r.labels()}
}

func (r *routing) labels() map[string]string {
	return map[string]string{v1.LabelDeploymentID: r.deployment.ID(), v1.LabelManagedBy: v1.ManagedBy}
}

// object makes an object of a project whose types are not linked.
func (r *routing) object(gvk schema.GroupVersionKind, name string, spec map[string]any) Object {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(gvk)
	o.SetName(name)
	o.SetLabels(r.labels())
	return o
}
