package expand

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	settingIngressController = "INGRESS_CONTROLLER"
	settingIngressClass      = "INGRESS_CLASS"
	settingIngressHost       = "INGRESS_HOST"

	annotationIngressHost = "seldon.io/ingress-host"
)

// plainWay is routing by Ingress, networking.k8s.io/v1. Each implementation of
// it takes off the prefix of a path in its own way.
func plainWay() Way {
	ingress := routeKind(networkingv1.SchemeGroupVersion.WithKind("Ingress"), "ingresses", RankRoute, v1.ConditionRoutes)
	ingress.Optional = false
	middleware := routeKind(traefikGVK("Middleware"), "middlewares", RankNamed, v1.ConditionRoutes)
	middleware.When = Choice{settingIngressController, "traefik"}
	return Way{
		Name: "Ingress",
		Settings: []Setting{
			{Name: "INGRESS_ENABLED", Value: "ingress.enabled", Doc: "route by Ingress", Default: "false", Words: flags()},
			{Name: settingIngressController, Value: "ingress.controller", Doc: "implementation of Ingress", Default: "nginx",
				Words: slices.Sorted(maps.Keys(ingressControllers()))},
			{Name: settingIngressClass, Value: "ingress.class", Doc: "IngressClass"},
			{Name: settingIngressHost, Value: "ingress.host", Doc: "host of deployments that name none"},
		},
		Annotations: []v1.RouteAnnotation{{Name: annotationIngressHost, Faults: hostFaults}},
		Prefix:      "ingress-",
		Kinds:       []Kind{ingress, middleware},
		route:       routePlain,
		limits:      plainLimits,
	}
}

// ingressController makes the objects for one implementation of Ingress.
type ingressController struct {
	// shares is the number of predictors that it can divide requests between.
	shares int
	route  func(*routing) []Object
}

func ingressControllers() map[string]ingressController {
	return map[string]ingressController{
		"nginx":   {2, routeNginx},
		"traefik": {1, routeTraefik},
	}
}

func plainLimits(r *routing) []limit {
	controller := r.config[settingIngressController]
	var limits []limit
	if s := r.shadow; s != nil {
		limits = append(limits, s.limit("shadow", "gets no requests: an Ingress cannot copy them; the Gateway API can"))
	}
	for i := ingressControllers()[controller].shares; i < len(r.backends); i++ {
		b := &r.backends[i]
		limits = append(limits, b.limit("traffic", fmt.Sprintf("gets no requests: an Ingress of %s divides them between %d at most; the Gateway API has no such limit",
			controller, ingressControllers()[controller].shares)))
	}
	if !r.plainGRPC() {
		limits = append(limits, limit{path: "metadata.name", message: "no gRPC from outside: an Ingress tells deployments apart by host alone; set the annotation " +
			annotationIngressHost + ", with nginx, or use the Gateway API"})
	}
	return limits
}

// plainGRPC reports whether gRPC is routed: by a host of the deployment's own,
// since an Ingress does not look at headers.
func (r *routing) plainGRPC() bool {
	return r.config[settingIngressController] == "nginx" && r.text(annotationIngressHost, "") != ""
}

func routePlain(r *routing) ([]Object, error) {
	_, err := r.number(annotationRESTTimeout, 0)
	_, grpcErr := r.number(annotationGRPCTimeout, 0)
	if err := errors.Join(err, grpcErr); err != nil {
		return nil, err
	}
	return ingressControllers()[r.config[settingIngressController]].route(r), nil
}

const nginx = "nginx.ingress.kubernetes.io/"

// routeNginx makes Ingresses for ingress-nginx: one for REST and, with a host
// of the deployment's own, one for gRPC; one of each for a canary; one for the
// explainers.
func routeNginx(r *routing) []Object {
	add := func(objects []Object, b *backend, name, suffix string, canary map[string]string) []Object {
		objects = append(objects, r.ingress(name, merge(canary, r.nginxREST(b)), nginxPath(r.prefix(), b)))
		if r.plainGRPC() {
			objects = append(objects, r.ingress(r.deployment.RouteName("grpc"+suffix), merge(canary, r.nginxGRPC(b)),
				ingressPath("/", networkingv1.PathTypePrefix, b, b.grpc)))
		}
		return objects
	}
	objects := add(nil, &r.backends[0], r.deployment.ID(), "", nil)
	if r.weighted() {
		b := &r.backends[1]
		objects = add(objects, b, r.deployment.RouteName("canary"), "-canary", map[string]string{
			nginx + "canary": "true", nginx + "canary-weight": strconv.Itoa(int(b.weight)),
		})
	}
	var explainers []networkingv1.HTTPIngressPath
	for i := range r.explainers {
		e := &r.explainers[i]
		explainers = append(explainers, nginxPath(r.explainerPrefix(e), e))
	}
	if len(explainers) > 0 {
		objects = append(objects, r.ingress(r.deployment.RouteName("explainer"), r.nginxREST(&r.explainers[0]), explainers...))
	}
	return objects
}

// nginxREST are the annotations of an Ingress that leads to b over HTTP.
func (r *routing) nginxREST(b *backend) map[string]string {
	annotations := map[string]string{nginx + "use-regex": "true", nginx + "rewrite-target": "/$2"}
	if b.certSecret != "" {
		annotations[nginx+"backend-protocol"] = "HTTPS"
	}
	return merge(annotations, r.nginxTimeout(annotationRESTTimeout))
}

// nginxGRPC are the annotations of an Ingress that leads to b over gRPC.
func (r *routing) nginxGRPC(b *backend) map[string]string {
	annotations := map[string]string{nginx + "backend-protocol": "GRPC"}
	if b.certSecret != "" {
		annotations[nginx+"backend-protocol"] = "GRPCS"
	}
	return merge(annotations, r.nginxTimeout(annotationGRPCTimeout))
}

func (r *routing) nginxTimeout(annotation string) map[string]string {
	ms, err := r.number(annotation, 0)
	if err != nil || ms == 0 { // routePlain has told an error.
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

// routeTraefik makes an Ingress for Traefik and the Middleware that takes off
// its prefixes.
func routeTraefik(r *routing) []Object {
	name := r.deployment.ID()
	paths := []networkingv1.HTTPIngressPath{ingressPath(r.prefix(), networkingv1.PathTypePrefix, &r.backends[0], r.backends[0].http)}
	prefixes := []any{r.prefix()}
	for i := range r.explainers {
		e := &r.explainers[i]
		paths = append(paths, ingressPath(r.explainerPrefix(e), networkingv1.PathTypePrefix, e, e.http))
		prefixes = append(prefixes, r.explainerPrefix(e))
	}
	return []Object{
		r.ingress(name, map[string]string{
			"traefik.ingress.kubernetes.io/router.middlewares": r.deployment.Namespace + "-" + name + "@kubernetescrd",
		}, paths...),
		r.object(traefikGVK("Middleware"), name, map[string]any{"stripPrefix": map[string]any{"prefixes": prefixes}}),
	}
}

func (r *routing) ingress(name string, annotations map[string]string, paths ...networkingv1.HTTPIngressPath) Object {
	i := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: r.meta(name),
	}
	i.Annotations = annotations
	if class := r.config[settingIngressClass]; class != "" {
		i.Spec.IngressClassName = &class
	}
	hosts := r.list(annotationIngressHost, r.config[settingIngressHost])
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

func ingressPath(path string, t networkingv1.PathType, b *backend, port int32) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{
		Path: path, PathType: &t,
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
			Name: b.service.Name, Port: networkingv1.ServiceBackendPort{Number: port},
		}},
	}
}
