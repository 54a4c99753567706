package expand

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	settingIngressController = "INGRESS_CONTROLLER"
	settingIngressClass      = "INGRESS_CLASS"
	settingIngressHost       = "INGRESS_HOST"
	settingIngressAddress    = "INGRESS_ADDRESS"

	annotationIngressHost = "seldon.io/ingress-host"
)

// plainWay is the way by Ingress, networking.k8s.io/v1. Each implementation of
// it takes off the prefix of a path in its own way.
func plainWay() Way {
	ingress := wayKind(networkingv1.SchemeGroupVersion.WithKind("Ingress"), "ingresses", RankTraffic, v1.ConditionRoutes)
	ingress.Optional = false
	middleware := wayKind(traefikGVK("Middleware"), "middlewares", RankNamed, v1.ConditionRoutes)
	middleware.When = Choice{settingIngressController, "traefik"}
	return Way{
		Name: "Ingress",
		Settings: []Setting{
			{Name: "INGRESS_ENABLED", Value: "ingress.enabled", Doc: "route by Ingress", Default: "false", Words: flags()},
			{Name: settingIngressController, Value: "ingress.controller", Doc: "implementation of Ingress", Default: "nginx",
				Words: slices.Sorted(maps.Keys(ingressControllers()))},
			{Name: settingIngressClass, Value: "ingress.class", Doc: "IngressClass"},
			{Name: settingIngressHost, Value: "ingress.host", Doc: "host of deployments that name none"},
			addressSetting(settingIngressAddress, "ingress.address", "the status of the Ingress says it"),
		},
		Annotations: []v1.WayAnnotation{{Name: annotationIngressHost, Faults: hostFaults}},
		Prefix:      "ingress-",
		Kinds:       []Kind{ingress, middleware},
		Address:     settingIngressAddress,
		objects:     plainObjects,
		limits:      plainLimits,
		ask:         askPlain,
	}
}

// ingressController makes the objects for one implementation of Ingress.
type ingressController struct {
	// shares is the number of predictors that it can divide requests between.
	shares  int
	objects func(*traffic) []Object
}

func ingressControllers() map[string]ingressController {
	return map[string]ingressController{
		"nginx":   {2, nginxObjects},
		"traefik": {1, traefikObjects},
	}
}

func plainLimits(t *traffic) []limit {
	controller := t.config[settingIngressController]
	var limits []limit
	if s := t.shadow; s != nil {
		limits = append(limits, s.limit("shadow", "gets no requests: an Ingress cannot copy them; the Gateway API can"))
	}
	for i := ingressControllers()[controller].shares; i < len(t.backends); i++ {
		b := &t.backends[i]
		limits = append(limits, b.limit("traffic", fmt.Sprintf("gets no requests: an Ingress of %s divides them between %d at most; the Gateway API has no such limit",
			controller, ingressControllers()[controller].shares)))
	}
	if !t.plainGRPC() {
		limits = append(limits, limit{path: "metadata.name", message: "no gRPC from outside: an Ingress tells deployments apart by host alone; set the annotation " +
			annotationIngressHost + ", with nginx, or use the Gateway API"})
	}
	return limits
}

// plainGRPC reports whether gRPC comes in: by a host of the deployment's own,
// since an Ingress does not look at headers.
func (t *traffic) plainGRPC() bool {
	return t.config[settingIngressController] == "nginx" && t.text(annotationIngressHost, "") != ""
}

func plainObjects(t *traffic) ([]Object, error) {
	_, err := t.number(annotationRESTTimeout, 0)
	_, grpcErr := t.number(annotationGRPCTimeout, 0)
	if err := errors.Join(err, grpcErr); err != nil {
		return nil, err
	}
	return ingressControllers()[t.config[settingIngressController]].objects(t), nil
}

const nginx = "nginx.ingress.kubernetes.io/"

// nginxObjects makes Ingresses for ingress-nginx: one for REST and, with a host
// of the deployment's own, one for gRPC; one of each for a canary; one for the
// explainers.
func nginxObjects(t *traffic) []Object {
	add := func(objects []Object, b *backend, name, suffix string, canary map[string]string) []Object {
		objects = append(objects, t.ingress(name, merge(canary, t.nginxREST(b)), nginxPath(t.prefix(), b)))
		if t.plainGRPC() {
			objects = append(objects, t.ingress(t.deployment.WayObjectName("grpc"+suffix), merge(canary, t.nginxGRPC(b)),
				ingressPath("/", networkingv1.PathTypePrefix, b, b.grpc)))
		}
		return objects
	}
	objects := add(nil, &t.backends[0], t.deployment.ID(), "", nil)
	if t.weighted() {
		b := &t.backends[1]
		objects = add(objects, b, t.deployment.WayObjectName("canary"), "-canary", map[string]string{
			nginx + "canary": "true", nginx + "canary-weight": strconv.Itoa(int(b.weight)),
			nginx + "canary-by-header": v1.HeaderPredictor, nginx + "canary-by-header-value": b.predictor,
		})
	}
	var explainers []networkingv1.HTTPIngressPath
	for i := range t.explainers {
		e := &t.explainers[i]
		explainers = append(explainers, nginxPath(t.explainerPrefix(e), e))
	}
	if len(explainers) > 0 {
		objects = append(objects, t.ingress(t.deployment.WayObjectName("explainer"), t.nginxREST(&t.explainers[0]), explainers...))
	}
	return objects
}

// nginxREST are the annotations of an Ingress that leads to b over HTTP.
func (t *traffic) nginxREST(b *backend) map[string]string {
	annotations := map[string]string{nginx + "use-regex": "true", nginx + "rewrite-target": "/$2"}
	if b.certSecret != "" {
		annotations[nginx+"backend-protocol"] = "HTTPS"
	}
	return merge(annotations, t.nginxTimeout(annotationRESTTimeout))
}

// nginxGRPC are the annotations of an Ingress that leads to b over gRPC.
func (t *traffic) nginxGRPC(b *backend) map[string]string {
	annotations := map[string]string{nginx + "backend-protocol": "GRPC"}
	if b.certSecret != "" {
		annotations[nginx+"backend-protocol"] = "GRPCS"
	}
	return merge(annotations, t.nginxTimeout(annotationGRPCTimeout))
}

func (t *traffic) nginxTimeout(annotation string) map[string]string {
	ms, err := t.number(annotation, 0)
	if err != nil || ms == 0 { // plainObjects has told an error.
		return nil
	}
	seconds := strconv.FormatInt((ms+999)/1000, 10)
	return map[string]string{nginx + "proxy-read-timeout": seconds, nginx + "proxy-send-timeout": seconds}
}

// merge returns a new map of both.
func merge(a, b map[string]string) map[string]string {
	to := map[string]string{}
	maps.Copy(to, a)
	maps.Copy(to, b)
	return to
}

// nginxPath matches what begins with prefix and keeps the rest of it as $2.
func nginxPath(prefix string, b *backend) networkingv1.HTTPIngressPath {
	return ingressPath(prefix[:len(prefix)-1]+"(/|$)(.*)", networkingv1.PathTypeImplementationSpecific, b, b.http)
}

// traefikObjects makes an Ingress for Traefik and the Middleware that takes off
// its prefixes.
func traefikObjects(t *traffic) []Object {
	name := t.deployment.ID()
	var paths []networkingv1.HTTPIngressPath
	var prefixes []any
	// The path that lacks the last slash matches by itself, since Traefik takes a
	// prefix without it for one of longer names too.
	lead := func(prefix string, b *backend) {
		bare := strings.TrimSuffix(prefix, "/")
		paths = append(paths, ingressPath(prefix, networkingv1.PathTypePrefix, b, b.http), ingressPath(bare, networkingv1.PathTypeExact, b, b.http))
		prefixes = append(prefixes, prefix, bare)
	}
	for i := range t.explainers { // Before what their prefixes begin with.
		lead(t.explainerPrefix(&t.explainers[i]), &t.explainers[i])
	}
	lead(t.prefix(), &t.backends[0])
	return []Object{
		t.ingress(name, map[string]string{
			"traefik.ingress.kubernetes.io/router.middlewares": t.deployment.Namespace + "-" + name + "@kubernetescrd",
		}, paths...),
		t.object(traefikGVK("Middleware"), name, map[string]any{"stripPrefix": map[string]any{"prefixes": prefixes}}),
	}
}

func (t *traffic) ingress(name string, annotations map[string]string, paths ...networkingv1.HTTPIngressPath) Object {
	i := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: t.meta(name),
	}
	i.Annotations = annotations
	if class := t.config[settingIngressClass]; class != "" {
		i.Spec.IngressClassName = &class
	}
	hosts := t.list(annotationIngressHost, t.config[settingIngressHost])
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, host := range hosts {
		i.Spec.Rules = append(i.Spec.Rules, networkingv1.IngressRule{
			Host:             host,
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}},
		})
	}
	return i
}

func ingressPath(path string, kind networkingv1.PathType, b *backend, port int32) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{
		Path: path, PathType: &kind,
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
			Name: b.service.Name, Port: networkingv1.ServiceBackendPort{Number: port},
		}},
	}
}
