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

// traffic is where the requests to a deployment go, in terms that all ways share.
// REST comes by a prefix of the path, gRPC by the headers "seldon" and
// "namespace".
type traffic struct {
	deployment *v1.SeldonDeployment
	config     WaySettings
	// backends are the predictors that answer; shadow gets copies, or is nil.
	backends   []backend
	shadow     *backend
	explainers []backend
}

// backend is a Service that requests go to.
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

// trafficOf reads where the requests to a deployment go. Without fronts it has
// no Services.
func trafficOf(d *v1.SeldonDeployment, config WaySettings, front fronts) *traffic {
	t := &traffic{deployment: d, config: config}
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
				t.explainers = append(t.explainers, backend{
					index: i, predictor: p.Name, service: explainer, http: explainer.Spec.Ports[0].Port, version: b.version,
				})
			}
		}
		if p.Shadow {
			t.shadow = &b
		} else {
			t.backends = append(t.backends, b)
		}
	}
	if len(t.backends) == 1 && t.backends[0].weight != 100 {
		t.backends[0].weight = 0 // It gets all there is.
	}
	return t
}

// objects makes those of all ways that the installation has.
func (t *traffic) objects() ([]Object, error) {
	if len(t.backends) == 0 { // Not valid, and nothing to lead to.
		return nil, nil
	}
	var objects []Object
	var errs []error
	for _, way := range t.config.waysOn() {
		some, err := way.objects(t)
		if err != nil {
			errs = append(errs, fmt.Errorf("routing by %s: %w", way.Name, err))
		}
		t.markShares(&way, some)
		objects = append(objects, some...)
	}
	return objects, errors.Join(errs...)
}

// prefix is that of the deployment's paths, with a slash at its end.
func (t *traffic) prefix() string {
	return "/seldon/" + t.deployment.Namespace + "/" + t.deployment.Name + "/"
}

// explainerPrefix is that of an explainer's paths.
func (t *traffic) explainerPrefix(e *backend) string {
	return "/seldon/" + t.deployment.Namespace + "/" + t.deployment.Name + "-explainer/" + e.predictor + "/"
}

// host is a Service's name in the whole cluster.
func (t *traffic) host(b *backend) string { return t.deployment.ServiceHost(b.service.Name) }

// led are the predictors that a rule leads to: the named one, or those that share
// the requests.
func (t *traffic) led(named *backend) []*backend {
	if named != nil {
		return []*backend{named}
	}
	all := make([]*backend, len(t.backends))
	for i := range t.backends {
		all[i] = &t.backends[i]
	}
	return all
}

// predictors lists the backends and the shadow.
func (t *traffic) predictors() []*backend {
	all := t.led(nil)
	if t.shadow != nil {
		all = append(all, t.shadow)
	}
	return all
}

// named lists the predictors that a request may name by the header
// [v1.HeaderPredictor]: all, if there are several.
func (t *traffic) named() []*backend {
	if all := t.predictors(); len(all) > 1 {
		return all
	}
	return nil
}

// weighted reports whether requests are divided among predictors.
func (t *traffic) weighted() bool { return len(t.backends) > 1 }

// text returns a setting of the deployment, or otherwise.
func (t *traffic) text(annotation, otherwise string) string {
	if value, ok := t.deployment.Annotation(annotation); ok && value != "" {
		return value
	}
	return otherwise
}

// list returns a setting that is a list with commas.
func (t *traffic) list(annotation, otherwise string) []string {
	var parts []string
	for part := range strings.SplitSeq(t.text(annotation, otherwise), ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// number returns a setting that is a whole number, 0 or more, or otherwise.
func (t *traffic) number(annotation string, otherwise int64) (int64, error) {
	text := t.text(annotation, "")
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

func (t *traffic) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Labels: t.labels()}
}

func (t *traffic) labels() map[string]string {
	return map[string]string{v1.LabelDeploymentID: t.deployment.ID(), v1.LabelManagedBy: v1.ManagedBy}
}

// object makes an object of a project whose types are not linked.
func (t *traffic) object(gvk schema.GroupVersionKind, name string, spec map[string]any) Object {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(gvk)
	o.SetName(name)
	o.SetLabels(t.labels())
	return o
}
