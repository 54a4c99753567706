package expand

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	settingAmbassadorVersion         = "AMBASSADOR_VERSION"
	settingAmbassadorSingleNamespace = "AMBASSADOR_SINGLE_NAMESPACE"
	settingAmbassadorAddress         = "AMBASSADOR_ADDRESS"

	annotationAmbassadorConfig  = "seldon.io/ambassador-config"
	annotationAmbassadorService = "seldon.io/ambassador-service-name"
	annotationAmbassadorHeader  = "seldon.io/ambassador-header"
	annotationAmbassadorRegex   = "seldon.io/ambassador-regex-header"
	annotationAmbassadorID      = "seldon.io/ambassador-id"
	annotationAmbassadorRetries = "seldon.io/ambassador-retries"
	annotationAmbassadorBreaker = "seldon.io/ambassador-circuit-breakers-"

	annotationGeneratedMappings = "getambassador.io/config"

	// ambassadorTimeoutMS is that of mappings whose deployment says nothing.
	ambassadorTimeoutMS = 3000
	// ambassadorIdleMS is how long a mapping may be idle by default; a longer
	// timeout has to raise it.
	ambassadorIdleMS = 300_000

	ambassadorGRPC = "/(seldon.protos.*|tensorflow.serving.*|inference.*|grpc.health.*|grpc.reflection.*)/.*"
)

func ambassadorGVK(version, kind string) schema.GroupVersionKind {
	if version == "v3" {
		version = "v3alpha1"
	}
	return schema.GroupVersionKind{Group: "getambassador.io", Version: version, Kind: kind}
}

// ambassadorWay is the way by Ambassador, now Emissary. Its version is the form
// of its configuration: v1 is an annotation of Services, v2 and v3 are objects
// of getambassador.io/v2 and v3alpha1.
func ambassadorWay() Way {
	var kinds []Kind
	for _, version := range []string{"v2", "v3"} {
		context := wayKind(ambassadorGVK(version, "TLSContext"), "tlscontexts", RankNamed, v1.ConditionAmbassador)
		mapping := wayKind(ambassadorGVK(version, "Mapping"), "mappings", RankTraffic, v1.ConditionAmbassador)
		mapping.Noun = "AmbassadorMapping"
		for _, k := range []Kind{context, mapping} {
			k.When = Choice{settingAmbassadorVersion, version}
			kinds = append(kinds, k)
		}
	}
	annotations := []v1.WayAnnotation{
		{Name: annotationAmbassadorConfig}, {Name: annotationAmbassadorService}, {Name: annotationAmbassadorHeader},
		{Name: annotationAmbassadorRegex}, {Name: annotationAmbassadorID}, {Name: annotationAmbassadorRetries, Number: true},
	}
	for _, name := range ambassadorBreakers() {
		annotations = append(annotations, v1.WayAnnotation{Name: annotationAmbassadorBreaker + name, Number: true})
	}
	return Way{
		Name: "Ambassador",
		Settings: []Setting{
			{Name: "AMBASSADOR_ENABLED", Value: "ambassador.enabled", Doc: "route by Ambassador", Default: "false", Words: flags()},
			{Name: settingAmbassadorVersion, Value: "ambassador.version", Default: "v1", Words: []string{"v1", "v2", "v3"},
				Doc: "form of its configuration: annotations of Services, or objects of v2 or v3alpha1"},
			{Name: settingAmbassadorSingleNamespace, Value: "ambassador.singleNamespace", Default: "false", Words: flags(),
				Doc: "paths and headers without the namespace"},
			addressSetting(settingAmbassadorAddress, "ambassador.address", "it is not asked"),
		},
		Annotations: annotations,
		Prefix:      "ambassador-",
		OnServices:  annotationGeneratedMappings,
		Kinds:       kinds,
		Address:     settingAmbassadorAddress,
		objects:     ambassadorObjects,
		ask:         askAmbassador,
	}
}

// ambassadorBreakers end the names of annotations that open a circuit.
func ambassadorBreakers() []string {
	return []string{"max-connections", "max-pending-requests", "max-requests", "max-retries"}
}

// mapping is a Mapping of Ambassador's, or a TLSContext beside one.
type mapping struct {
	backend *backend
	kind    string
	// part ends its name: "rest", "grpc", "tls".
	part string
	spec map[string]any
}

// ambassadorObjects makes mappings and writes them in the form of the version.
func ambassadorObjects(t *traffic) ([]Object, error) {
	if text := t.text(annotationAmbassadorConfig, ""); text != "" && t.config[settingAmbassadorVersion] == "v1" {
		annotate(t.backends[0].service, annotationGeneratedMappings, text)
		return nil, nil
	}
	mappings, err := t.mappings()
	if err != nil {
		return nil, err
	}
	if t.config[settingAmbassadorVersion] == "v1" {
		return nil, t.annotateMappings(mappings)
	}
	var objects []Object
	for _, m := range mappings {
		if t.config[settingAmbassadorVersion] == "v3" {
			if m.kind == "Mapping" {
				m.spec["hostname"] = "*"
			}
			if id, ok := m.spec["ambassador_id"]; ok {
				m.spec["ambassador_id"] = []any{id}
			}
		}
		objects = append(objects, t.object(ambassadorGVK(t.config[settingAmbassadorVersion], m.kind), t.mappingName(m, "-"), m.spec))
	}
	return objects, nil
}

// annotateMappings writes mappings to the Services that they lead to.
func (t *traffic) annotateMappings(mappings []mapping) error {
	texts := map[*backend]string{}
	for _, m := range mappings {
		m.spec["apiVersion"], m.spec["kind"] = "ambassador/v1", m.kind
		m.spec["name"] = t.mappingName(m, "_")
		delete(m.spec, "cluster_tag")
		text, err := yaml.Marshal(m.spec)
		if err != nil {
			return fmt.Errorf("writing %s: %w", m.spec["name"], err)
		}
		texts[m.backend] += "---\n" + string(text)
		annotate(m.backend.service, annotationGeneratedMappings, texts[m.backend])
	}
	return nil
}

// mappingName joins what tells a mapping from others. It is an object's name
// where separator is "-".
func (t *traffic) mappingName(m mapping, separator string) string {
	parts := []string{"seldon", t.deployment.Namespace, t.deployment.Name, m.backend.predictor}
	if t.config.on(settingAmbassadorSingleNamespace) {
		parts = slices.Delete(parts, 1, 2)
	}
	if m.backend.grpc == 0 {
		parts = append(parts, "explainer")
	}
	parts = append(parts, m.part)
	if separator == "_" {
		parts = append(parts, "mapping")
	}
	return strings.Join(parts, separator)
}

// mappings are two Mappings for each predictor and one for each explainer, with
// the TLSContexts that they name.
func (t *traffic) mappings() ([]mapping, error) {
	common, err := t.mappingSettings()
	restTimeout, restErr := t.number(annotationRESTTimeout, ambassadorTimeoutMS)
	grpcTimeout, grpcErr := t.number(annotationGRPCTimeout, ambassadorTimeoutMS)
	if err := errors.Join(err, restErr, grpcErr); err != nil {
		return nil, err
	}
	name := t.text(annotationAmbassadorService, t.deployment.Name)
	headers := map[string]any{"seldon": name, "namespace": t.deployment.Namespace}
	prefix := t.ambassadorPrefix()
	if t.config.on(settingAmbassadorSingleNamespace) {
		delete(headers, "namespace")
	}
	var all []mapping
	add := func(b *backend, part string, spec map[string]any) {
		spec = merged(common, spec)
		if b.certSecret != "" {
			spec["tls"] = t.mappingName(mapping{backend: b, part: "tls"}, t.mappingSeparator())
		}
		all = append(all, mapping{backend: b, kind: "Mapping", part: part, spec: spec})
	}
	for i, b := range t.predictors() {
		share := map[string]any{}
		switch {
		case b == t.shadow:
			share["shadow"] = true
			if b.weight > 0 {
				share["weight"] = int64(b.weight)
			}
		case i > 0: // The first one gets what the others leave.
			share["weight"] = int64(b.weight)
		}
		add(b, "rest", merged(share, restMapping(prefix, t.mappingService(b, b.http), restTimeout)))
		add(b, "grpc", merged(share, grpcMapping(headers, t.mappingService(b, b.grpc), grpcTimeout)))
		if b.certSecret != "" {
			context := map[string]any{"secret": b.certSecret}
			if id, ok := common["ambassador_id"]; ok {
				context["ambassador_id"] = id
			}
			all = append(all, mapping{backend: b, kind: "TLSContext", part: "tls", spec: context})
		}
	}
	// Of several mappings with one prefix Ambassador takes the one with the most
	// headers.
	for _, b := range t.named() {
		name := map[string]any{"headers": map[string]any{strings.ToLower(v1.HeaderPredictor): b.predictor}}
		add(b, "named-rest", merged(name, restMapping(prefix, t.mappingService(b, b.http), restTimeout)))
		add(b, "named-grpc", merged(name, grpcMapping(headers, t.mappingService(b, b.grpc), grpcTimeout)))
	}
	for i := range t.explainers {
		e := &t.explainers[i]
		add(e, "rest", restMapping(strings.TrimSuffix(prefix, "/")+"-explainer/"+e.predictor+"/", t.mappingService(e, e.http), restTimeout))
	}
	return all, nil
}

// ambassadorPrefix is that of the deployment's paths, with a slash at its end.
func (t *traffic) ambassadorPrefix() string {
	root := "/seldon/" + t.deployment.Namespace + "/"
	if t.config.on(settingAmbassadorSingleNamespace) {
		root = "/seldon/"
	}
	return root + t.text(annotationAmbassadorService, t.deployment.Name) + "/"
}

func (t *traffic) mappingSeparator() string {
	if t.config[settingAmbassadorVersion] == "v1" {
		return "_"
	}
	return "-"
}

func (t *traffic) mappingService(b *backend, port int32) string {
	return fmt.Sprintf("%s.%s:%d", b.service.Name, t.deployment.Namespace, port)
}

func restMapping(prefix, service string, timeout int64) map[string]any {
	return withTimeout(timeout, map[string]any{
		"prefix": prefix, "rewrite": "/", "service": service, "cluster_tag": "seldon_http",
	})
}

func grpcMapping(headers map[string]any, service string, timeout int64) map[string]any {
	return withTimeout(timeout, map[string]any{
		"grpc": true, "prefix": ambassadorGRPC, "prefix_regex": true, "rewrite": "",
		"headers": headers, "service": service, "cluster_tag": "seldon_grpc",
	})
}

func withTimeout(ms int64, spec map[string]any) map[string]any {
	spec["timeout_ms"] = ms
	if ms > ambassadorIdleMS {
		spec["idle_timeout_ms"] = ms
	}
	return spec
}

// merged returns a new map of all fields; maps in two of them are joined, of
// other values the later one counts.
func merged(parts ...map[string]any) map[string]any {
	to := map[string]any{}
	for _, from := range parts {
		for key, value := range from {
			if inner, ok := value.(map[string]any); ok {
				before, _ := to[key].(map[string]any)
				value = merged(before, inner)
			}
			to[key] = value
		}
	}
	return to
}

// mappingSettings are what the deployment says of all its mappings.
func (t *traffic) mappingSettings() (map[string]any, error) {
	spec := map[string]any{}
	if id := t.text(annotationAmbassadorID, ""); id != "" {
		spec["ambassador_id"] = id
	}
	errs := []error{
		t.matchHeader(spec, "headers", annotationAmbassadorHeader),
		t.matchHeader(spec, "regex_headers", annotationAmbassadorRegex),
	}
	retries, err := t.number(annotationAmbassadorRetries, 0)
	errs = append(errs, err)
	if retries > 0 {
		spec["retry_policy"] = map[string]any{"retry_on": "gateway-error", "num_retries": retries}
	}
	breaker := map[string]any{}
	for _, name := range ambassadorBreakers() {
		n, err := t.number(annotationAmbassadorBreaker+name, 0)
		errs = append(errs, err)
		if n > 0 {
			breaker[strings.ReplaceAll(name, "-", "_")] = n
		}
	}
	if len(breaker) > 0 {
		spec["circuit_breakers"] = []any{breaker}
	}
	return spec, errors.Join(errs...)
}

// matchHeader reads "name: value". A name alone asks for the header with any
// value.
func (t *traffic) matchHeader(spec map[string]any, field, annotation string) error {
	text := t.text(annotation, "")
	if text == "" {
		return nil
	}
	name, value, ok := strings.Cut(text, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if name == "" {
		return fmt.Errorf(`annotation %s: %q is not of the form "name: value"`, annotation, text)
	}
	if !ok || value == "" {
		field, value = "regex_headers", ".*"
	}
	headers, _ := spec[field].(map[string]any)
	spec[field] = merged(headers, map[string]any{name: value})
	return nil
}
