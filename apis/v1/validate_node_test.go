package v1

import (
	"strings"
	"testing"
)

// withGraph is a spec of one predictor with the containers a, b and c.
func withGraph(graph string) string {
	return `{predictors: [{name: p, ` + containers + `, graph: ` + graph + `}]}`
}

func TestValidateNodes(t *testing.T) {
	check(t, []validateCase{
		{"right", withGraph(`{name: a, type: ROUTER, children: [{name: b}, {name: c, methods: [TRANSFORM_INPUT]}]}`), nil},
		{"no container", withGraph(`{name: a, children: [{name: bb}]}`), []string{
			`error: spec.predictors[0].graph.children[0].name: Can't find container for Predictive Unit "bb": name a container of componentSpecs like the node, or set implementation (there is a, b or c)`,
		}},
		{"no containers at all", `{predictors: [{name: p, graph: {name: a, implementation: UNKNOWN_IMPLEMENTATION, type: MODEL}}]}`, []string{
			`error: spec.predictors[0].graph.name: Can't find container for Predictive Unit "a": name a container of componentSpecs like the node, or set implementation (there are no containers)`,
		}},
		{"duplicate", withGraph(`{name: a, children: [{name: b, children: [{name: a}]}]}`), []string{
			`error: spec.predictors[0].graph.children[0].children[0].name: Duplicate node name "a", first in spec.predictors[0].graph; rename one of them`,
		}},
		{"no name", withGraph(`{name: a, children: [{type: MODEL}]}`), []string{
			`error: spec.predictors[0].graph.children[0].name: the node has no name`,
		}},
		{"type, method", withGraph(`{name: a, type: TRANSFORM, methods: [TRANSFROM_INPUT, ROUTE], children: [{name: b, type: model}]}`), []string{
			`error: spec.predictors[0].graph.type: Invalid type "TRANSFORM"; use MODEL, ROUTER, COMBINER, TRANSFORMER, OUTPUT_TRANSFORMER or UNKNOWN_TYPE (did you mean TRANSFORMER?)`,
			`error: spec.predictors[0].graph.methods[0]: Invalid method "TRANSFROM_INPUT"; use TRANSFORM_INPUT, TRANSFORM_OUTPUT, ROUTE, AGGREGATE or SEND_FEEDBACK (did you mean TRANSFORM_INPUT?)`,
			`error: spec.predictors[0].graph.children[0].type: Invalid type "model"; use MODEL, ROUTER, COMBINER, TRANSFORMER, OUTPUT_TRANSFORMER or UNKNOWN_TYPE (did you mean MODEL?)`,
		}},
		{"unknown type without methods", withGraph(`{name: a, type: UNKNOWN_TYPE}`), []string{
			`error: spec.predictors[0].graph.type: Predictive Unit has no implementation methods defined. Change to a known type or add what methods it defines`,
		}},
		{"unknown type without methods, implementation spelt out", withGraph(`{name: a, type: UNKNOWN_TYPE, implementation: UNKNOWN_IMPLEMENTATION}`), []string{
			`error: spec.predictors[0].graph.type: Predictive Unit has no implementation methods defined. Change to a known type or add what methods it defines`,
		}},
		{"unknown type of built-ins", withGraph(`{name: r, type: UNKNOWN_TYPE, implementation: RANDOM_ABTEST, children: [
			{name: a}, {name: j, type: UNKNOWN_TYPE, implementation: AVERAGE_COMBINER, children: [{name: b}, {name: s, type: UNKNOWN_TYPE, implementation: SIMPLE_MODEL},
			{name: q, type: UNKNOWN_TYPE, implementation: SIMPLE_ROUTER, children: [{name: c}]}]}]}`), nil},
		{"unknown type with methods", withGraph(`{name: a, type: UNKNOWN_TYPE, methods: [TRANSFORM_INPUT]}`), nil},
		{"never called", withGraph(`{name: a, implementation: UNKNOWN_IMPLEMENTATION}`), []string{
			`warning: spec.predictors[0].graph: the node has no type and no methods, so its container is never called; leave out implementation, or write type: MODEL`,
		}},
		{"long name", `{predictors: [{name: p, graph: {name: a-container-name-that-has-more-than-48-letters-in-it, implementation: SKLEARN_SERVER, modelUri: m}}]}`, []string{
			`error: spec.predictors[0].graph.name: node name "a-container-name-that-has-more-than-48-letters-in-it" has 52 letters; at most 48 fit into the label seldon-app-svc-a-container-name-that-has-more-than-48-letters-in-it`,
		}},
		{"name", `{predictors: [{name: p, graph: {name: My Model, implementation: SKLEARN_SERVER, modelUri: m}}]}`, []string{
			`error: spec.predictors[0].graph.name: node name "My Model" is not a DNS label: use lower case letters, digits and -, with a letter or digit at both ends; for example "my-model"`,
		}},
		{"endpoint", withGraph(`{name: a, endpoint: {type: rest, protocol: tf}}`), []string{
			`warning: spec.predictors[0].graph.endpoint.type: endpoint type "rest" is taken as REST; write it in capitals`,
			`error: spec.predictors[0].graph.endpoint.protocol: Invalid endpoint protocol "tf"; use seldon, tensorflow, v2 or bentoml`,
		}},
		{"endpoint of another word", withGraph(`{name: a, endpoint: {type: HTTP}}`), []string{
			`error: spec.predictors[0].graph.endpoint.type: Invalid endpoint type "HTTP"; use REST or GRPC`,
		}},
		{"two transports", withGraph(`{name: a, endpoint: {type: REST}, children: [{name: b, endpoint: {type: GRPC}}]}`), []string{
			`error: spec.predictors[0].graph.children[0].endpoint.type: Multiple endpoint.types found - can only have 1 type in graph (GRPC here, REST before). Please use spec.transport`,
		}},
		{"transport of the other kind", `{transport: grpc, predictors: [{name: p, ` + containers + `, graph: {name: a, endpoint: {type: REST}}}]}`, []string{
			`error: spec.predictors[0].graph.endpoint.type: Mixed transport types found. Remove graph endpoint.types if transport set at deployment level: endpoint.type is REST, spec.transport grpc`,
		}},
		{"policy", withGraph(`{name: a, policy: {timeout: 2s, retries: {attempts: 2}, hedge: {}, concurrency: {limit: 1}, fallback: {node: b}}, children: [{name: b, policy: {fallback: {response: "[1]"}}}]}`), nil},
		{"bad policy", withGraph(`{name: a, type: ROUTER, policy: {timeout: 2, retries: {attempts: 0, budgetPercent: 101}, hedge: {percentile: 10, maxPercent: -1}, concurrency: {limit: 0, queue: -1}, fallback: {node: a}}, ` +
			`children: [{name: b, policy: {fallback: {response: "{"}}}, {name: c, policy: {fallback: {node: d}}}]}`), []string{
			`error: spec.predictors[0].graph.policy.timeout: "2" is not a duration such as 500ms or 2s`,
			`error: spec.predictors[0].graph.policy.retries.attempts: 0 is not between 1 and 10`,
			`error: spec.predictors[0].graph.policy.retries.budgetPercent: 101 is not between 0 and 100`,
			`error: spec.predictors[0].graph.policy.hedge.percentile: 10 is not between 50 and 99`,
			`error: spec.predictors[0].graph.policy.hedge.maxPercent: -1 is not between 0 and 100`,
			`error: spec.predictors[0].graph.policy.concurrency.limit: 0 is not between 1 and 1000000`,
			`error: spec.predictors[0].graph.policy.concurrency.queue: -1 is not between 0 and 1000000`,
			`error: spec.predictors[0].graph.policy.fallback.node: "a" comes round to itself`,
			`error: spec.predictors[0].graph.children[0].policy.fallback.response: is not JSON`,
			`error: spec.predictors[0].graph.children[1].policy.fallback.node: there is no node "d"`,
		}},
		{"fallbacks", withGraph(`{name: a, type: ROUTER, policy: {fallback: {route: 2}}, children: [{name: b, policy: {fallback: {}}}, {name: c, policy: {fallback: {route: 0}}}]}`), []string{
			`error: spec.predictors[0].graph.policy.fallback.route: 2 is none of the router's 2 children`,
			`error: spec.predictors[0].graph.children[0].policy.fallback: want one of node, response and route`,
			`error: spec.predictors[0].graph.children[1].policy.fallback.route: the node is no router`,
		}},
		{"batch and cache", withGraph(`{name: a, policy: {batch: {maxSize: 64, maxDelay: 2ms}, cache: {ttl: 30s, maxBytes: 1000000}}}`), nil},
		{"bad batch and cache", withGraph(`{name: a, policy: {batch: {maxSize: 1, maxDelay: soon}, cache: {ttl: "", maxBytes: -1}}, children: [{name: b, type: ROUTER, policy: {batch: {maxSize: 2}, cache: {ttl: 1s}}, children: [{name: c}]}]}`), []string{
			`error: spec.predictors[0].graph.policy.batch.maxSize: 1 is not between 2 and 100000`,
			`error: spec.predictors[0].graph.policy.batch.maxDelay: "soon" is not a duration such as 500ms or 2s`,
			`error: spec.predictors[0].graph.policy.cache.ttl: "" is not a duration such as 500ms or 2s`,
			`error: spec.predictors[0].graph.policy.cache.maxBytes: -1 is below 0`,
			`error: spec.predictors[0].graph.children[0].policy.batch: the node is no model or transformer, whose calls alone have rows to join`,
			`error: spec.predictors[0].graph.children[0].policy.cache: the node is no model or transformer, whose answers alone are kept`,
		}},
		{"policy of a built-in", withGraph(`{name: s, implementation: SIMPLE_ROUTER, policy: {timeout: 1s}, children: [{name: a}]}`), []string{
			`warning: spec.predictors[0].graph.policy: SIMPLE_ROUTER runs inside the executor, where no policy has an effect`,
		}},
		{"logger's fields", withGraph(`{name: a, logger: {mode: all, url: "logger:8080", samplePercent: 101, redact: [ssn, ""]}, children: [{name: b, logger: {mode: all, url: "http://x", samplePercent: 0}}]}`), []string{
			`error: spec.predictors[0].graph.logger.samplePercent: 101 is not between 0 and 100`,
			`error: spec.predictors[0].graph.logger.redact[1]: the name of a field is empty`,
			`error: spec.predictors[0].graph.logger.url: want a URL that begins with http:// or https://`,
		}},
		{"logger", withGraph(`{name: a, logger: {}, children: [{name: b, logger: {mode: All}}]}`), []string{
			`error: spec.predictors[0].graph.logger.mode: No logger mode specified; use all, request or response`,
			`error: spec.predictors[0].graph.children[0].logger.mode: Invalid logger mode "All"; use all, request or response (did you mean all?)`,
		}},
		{"no executor", `{predictors: [{name: p, annotations: {seldon.io/no-engine: "true"}, ` + containers + `, graph: {name: a, children: [{name: b}]}}]}`, []string{
			`error: spec.predictors[0].annotations[seldon.io/no-engine]: Running without engine only valid for single element graphs: this one has 2 nodes`,
		}},
		{"an executor, explicitly", `{predictors: [{name: p, annotations: {seldon.io/no-engine: "false"}, ` + containers + `, graph: {name: a, children: [{name: b}]}}]}`, nil},
		{"names of other objects", withGraph(`{name: a, serviceAccountName: A, envSecretRefName: s.1}`), []string{
			`error: spec.predictors[0].graph.serviceAccountName: name "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
		}},
		{"alone with children", withGraph(`{name: a, type: TRANSFORMER, children: [{name: b}, {name: c, type: ROUTER}]}`), []string{
			`warning: spec.predictors[0].graph.children: "a" has 2 children and neither routes nor combines: all are called, and the first one's answer is returned`,
			`warning: spec.predictors[0].graph.children[1].children: the router "c" has no children, so it is never asked`,
		}},
		{"combiner without children", withGraph(`{name: a, type: COMBINER}`), []string{
			`warning: spec.predictors[0].graph.children: the combiner "a" has no children, so it is never asked`,
		}},
	})
}

func TestValidateBuiltins(t *testing.T) {
	check(t, []validateCase{
		{"right", withGraph(`{name: ab, implementation: RANDOM_ABTEST, type: ROUTER, parameters: [{name: ratioA, value: "0.3", type: FLOAT}], children: [{name: a}, {name: b}]}`), nil},
		{"one branch", withGraph(`{name: ab, implementation: RANDOM_ABTEST, children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.children: RANDOM_ABTEST chooses between 2 children; "ab" has 1`,
		}},
		{"three branches", withGraph(`{name: ab, implementation: RANDOM_ABTEST, children: [{name: a}, {name: b}, {name: c}]}`), []string{
			`warning: spec.predictors[0].graph.children: RANDOM_ABTEST chooses between the first 2 children; "ab" has 3: give it the parameter weights`,
		}},
		{"ratio", withGraph(`{name: ab, implementation: RANDOM_ABTEST, parameters: [{name: ratioA, value: half, type: STRING}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: ratioA "half" is not a number; write the share of the first child, such as "0.5"`,
		}},
		{"ratio in percent", withGraph(`{name: ab, implementation: RANDOM_ABTEST, parameters: [{name: ratioA, value: "30", type: FLOAT}], children: [{name: a}, {name: b}]}`), []string{
			`warning: spec.predictors[0].graph.parameters[0].value: ratioA 30 is not between 0 and 1: one child gets everything`,
		}},
		{"container of no use", withGraph(`{name: a, implementation: SIMPLE_MODEL, modelUri: gs://b/m}`), []string{
			`warning: spec.predictors[0].graph.implementation: SIMPLE_MODEL runs inside the executor: the container "a" is never called`,
			`warning: spec.predictors[0].graph.modelUri: SIMPLE_MODEL has no use for a model`,
		}},
		{"type of another kind", withGraph(`{name: avg, implementation: AVERAGE_COMBINER, type: MODEL, children: [{name: a}, {name: b}]}`), []string{
			`warning: spec.predictors[0].graph.type: type MODEL is ignored: AVERAGE_COMBINER is a COMBINER`,
		}},
		{"router without children", withGraph(`{name: r, implementation: SIMPLE_ROUTER}`), []string{
			`warning: spec.predictors[0].graph.children: the router "r" has no children, so it is never asked`,
		}},
	})
}

func TestValidateServers(t *testing.T) {
	noArtifact := func(place string) string {
		return "warning: spec.predictors[0].graph.modelUri: oci://" + place + " names no artifact of a registry, so that its fetch fails: " +
			"write oci://REGISTRY/REPOSITORY:TAG or oci://REGISTRY/REPOSITORY@sha256:DIGEST, without a folder or a query behind"
	}
	served := func(protocol, node, component string) string {
		return `{protocol: ` + protocol + `, predictors: [{name: p, graph: {name: m, ` + node + `}, componentSpecs: [` + component + `]}]}`
	}
	check(t, []validateCase{
		{"right", served("seldon", `implementation: SKLEARN_SERVER, modelUri: "gs://b/m"`, ""), nil},
		{"translated", served("tensorflow", `implementation: SKLEARN_SERVER, modelUri: ./model`, ""), nil},
		{"skeleton container", served("v2", `implementation: SKLEARN_SERVER, type: MODEL, modelUri: /m`, `{spec: {containers: [{name: m}]}}`), nil},
		{"container of former times", served("seldon", `implementation: TENSORFLOW_SERVER, modelUri: m`, `{spec: {containers: [{name: tfserving}]}}`), nil},
		{"container of former times, untranslated", served("tensorflow", `implementation: TENSORFLOW_SERVER, modelUri: m`, `{spec: {containers: [{name: tfserving}]}}`), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].image: the container "tfserving" has no image`,
		}},
		{"ports of the container of former times", served("seldon", `implementation: TENSORFLOW_SERVER, modelUri: m`,
			`{spec: {containers: [{name: m}, {name: tfserving, ports: [{containerPort: 8000}]}]}}`), nil},
		{"protocol of another image", served("seldon", `implementation: SKLEARN_SERVER, modelUri: m, endpoint: {protocol: tensorflow}`, ""), []string{
			`error: spec.predictors[0].graph.endpoint.protocol: the image of SKLEARN_SERVER speaks v2, not tensorflow; leave this out, or give the container "m" an image of your own`,
		}},
		{"claim without a name", served("seldon", `implementation: SKLEARN_SERVER, modelUri: "pvc:///m"`, ""), []string{
			`error: spec.predictors[0].graph.modelUri: "pvc:///m" names no volume claim: write pvc://CLAIM/PATH`,
		}},
		{"accounts in one pod", `{predictors: [{name: p, graph: {name: a, implementation: SKLEARN_SERVER, modelUri: m, serviceAccountName: one, children: [
			{name: b, implementation: SKLEARN_SERVER, modelUri: m, serviceAccountName: two, children: [
			{name: c, implementation: SKLEARN_SERVER, modelUri: m, serviceAccountName: three}]}]}, componentSpecs: [{}, {spec: {containers: [{name: c}]}}]}]}`, []string{
			`warning: spec.predictors[0].graph.children[0].serviceAccountName: two counts for node "a" too, which is in the same pod and names one; give the nodes one account, or pods of their own`,
		}},
		{"without a model", served("v2", `implementation: HUGGINGFACE_SERVER`, ""), nil},
		{"model missing", served("v2", `implementation: SKLEARN_SERVER`, ""), []string{
			`error: spec.predictors[0].graph.modelUri: Predictive unit modelUri required when using standalone servers: SKLEARN_SERVER needs the place of its model`,
		}},
		{"misspelt", served("v2", `implementation: SKLEARNSERVER, modelUri: m`, ""), []string{
			`error: spec.predictors[0].graph.implementation: No entry in predictors map for SKLEARNSERVER; use SIMPLE_MODEL, SIMPLE_ROUTER, RANDOM_ABTEST, AVERAGE_COMBINER, UNKNOWN_IMPLEMENTATION, FLAG_SERVER, HUGGINGFACE_SERVER, IMAGE_SERVER, SKLEARN_SERVER or TENSORFLOW_SERVER (did you mean SKLEARN_SERVER?)`,
		}},
		{"of the user's own", served("v2", `implementation: MY_SERVER, modelUri: m`, `{spec: {containers: [{name: m, image: mine}]}}`), []string{
			`warning: spec.predictors[0].graph.implementation: No entry in predictors map for MY_SERVER: the container's image mine is run as it is`,
		}},
		{"protocol", served("tensorflow", `implementation: HUGGINGFACE_SERVER`, ""), []string{
			`error: spec.predictors[0].graph.implementation: Prepackaged server does not handle tensorflow protocol HUGGINGFACE_SERVER; set spec.protocol to seldon or v2`,
		}},
		{"protocol, with an image", served("tensorflow", `implementation: HUGGINGFACE_SERVER`, `{spec: {containers: [{name: m, image: mine}]}}`), []string{
			`warning: spec.predictors[0].graph.implementation: Prepackaged server does not handle tensorflow protocol HUGGINGFACE_SERVER; set spec.protocol to seldon or v2, unless the image mine does`,
		}},
		{"type", served("v2", `type: TRANSFORMER, implementation: SKLEARN_SERVER, modelUri: m`, ""), []string{
			`warning: spec.predictors[0].graph.type: type TRANSFORMER is ignored: SKLEARN_SERVER is a MODEL`,
		}},
		{"scheme", served("v2", `implementation: SKLEARN_SERVER, modelUri: "gcs://b/m"`, ""), []string{
			`warning: spec.predictors[0].graph.modelUri: nothing is known of the scheme gcs; use s3, gs, azblob, http, https, hf, oci, pvc or file, or a path (did you mean gs?)`,
		}},
		{"scheme alone", served("v2", `implementation: SKLEARN_SERVER, modelUri: "s3://"`, ""), []string{
			`error: spec.predictors[0].graph.modelUri: "s3://" names no place after s3:`,
		}},
		{"artifact", served("v2", `implementation: SKLEARN_SERVER, modelUri: "oci://registry.example:5000/a/b__c-d:V1.2@sha256:`+strings.Repeat("0a", 32)+`"`, ""), nil},
		{"folder of an artifact", served("v2", `implementation: SKLEARN_SERVER, modelUri: "oci://registry.example/m:v1/1"`, ""), []string{noArtifact("registry.example/m:v1/1")}},
		{"artifact with a password", served("v2", `implementation: SKLEARN_SERVER, modelUri: "oci://me:secret@registry.example/m:v1"`, ""), []string{noArtifact("registry.example/m:v1")}},
		{"artifact without a repository", served("v2", `implementation: SKLEARN_SERVER, modelUri: "oci://registry.example/"`, ""), []string{noArtifact("registry.example/")}},
		{"remote of rclone named oci", served("v2", `implementation: SKLEARN_SERVER, modelUri: "oci:b/M"`, ""), nil},
		{"remote of rclone", served("v2", `implementation: SKLEARN_SERVER, modelUri: "gs:b/m"`, ""), nil},
	})
}

func TestValidateParameters(t *testing.T) {
	check(t, []validateCase{
		{"right", withGraph(`{name: a, parameters: [
			{name: i, value: "-12", type: INT}, {name: big, value: "123456789012345678901234567890", type: INT},
			{name: f, value: " 1e-3", type: FLOAT}, {name: d, value: inf, type: DOUBLE}, {name: huge, value: "1e999", type: DOUBLE},
			{name: b, value: "True", type: BOOL}, {name: c, value: "0", type: BOOL}, {name: s, value: "", type: STRING}]}`), nil},
		{"flags of a server", `{predictors: [{name: p, graph: {name: m, implementation: FLAG_SERVER, modelUri: m, parameters: [
			{name: load_model, value: a, type: STRING}, {name: LOAD_MODEL, value: b, type: STRING}, {name: load_model, value: c, type: STRING}]}}]}`, nil},
		{"wrong", withGraph(`{name: a, parameters: [
			{name: i, value: "1.0", type: INT}, {name: f, value: one, type: FLOAT}, {name: b, value: maybe, type: BOOL},
			{name: t, value: x, type: Int}, {name: u, value: x}, {value: x, type: STRING}, {name: i, value: "2", type: INT}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: "1.0" is not of the parameter's type INT; write a value such as "3", or another type`,
			`error: spec.predictors[0].graph.parameters[1].value: "one" is not of the parameter's type FLOAT; write a value such as "0.5", or another type`,
			`error: spec.predictors[0].graph.parameters[2].value: "maybe" is not of the parameter's type BOOL; write a value such as "true", or another type`,
			`error: spec.predictors[0].graph.parameters[3].type: Invalid parameter type "Int"; use INT, FLOAT, DOUBLE, STRING or BOOL (did you mean INT?)`,
			`error: spec.predictors[0].graph.parameters[4].type: the parameter u has no type; use INT, FLOAT, DOUBLE, STRING or BOOL`,
			`error: spec.predictors[0].graph.parameters[5].name: the parameter has no name`,
			`warning: spec.predictors[0].graph.parameters[6].name: parameter i is given twice, first in spec.predictors[0].graph.parameters[0]; this one counts`,
		}},
	})
}

func TestValidateBuiltinParameters(t *testing.T) {
	detector := func(parameters, rest string) string {
		return withGraph(`{name: d, implementation: MAHALANOBIS_DETECTOR, parameters: [` + parameters + `], ` + rest + `}`)
	}
	const one, two = `children: [{name: a}]`, `children: [{name: a}, {name: b}]`
	check(t, []validateCase{
		{"right", detector(`{name: decide, type: STRING, value: route}, {name: threshold, type: FLOAT, value: "40"}`, two), nil},
		{"of the type that stands in a graph", withGraph(`{name: d, type: TRANSFORMER, implementation: QUANTILE_DETECTOR, children: [{name: a}]}`), nil},
		{"alone", withGraph(`{name: d, implementation: QUANTILE_DETECTOR}`), nil},
		{"parameters", detector(`{name: treshold, type: FLOAT, value: "40"}, {name: components, type: INT, value: "0"}, {name: quantile, type: FLOAT, value: "1"}, {name: decide, type: STRING, value: drop}, {name: learn, type: STRING, value: maybe}, {name: warmup, type: FLOAT, value: "1.5"}`, one), []string{
			`error: spec.predictors[0].graph.parameters[0].name: MAHALANOBIS_DETECTOR has no parameter "treshold"; use decide, tag, events, threshold, quantile, components, shrinkage, decay, warmup or learn (did you mean threshold?)`,
			`error: spec.predictors[0].graph.parameters[1].value: components is 0; want at least 1, at most 4096`,
			`error: spec.predictors[0].graph.parameters[2].value: quantile is 1; want at least 0.5, below 1`,
			`error: spec.predictors[0].graph.parameters[3].value: decide is "drop"; use tag, reject, route`,
			`error: spec.predictors[0].graph.parameters[4].value: learn is "maybe"; want true or false`,
			`error: spec.predictors[0].graph.parameters[5].value: warmup is "1.5"; want a whole number`,
		}},
		{"nowhere to route", detector(`{name: decide, type: STRING, value: route}`, one), []string{
			`error: spec.predictors[0].graph.parameters[0].value: decide is route: "d" needs two children, the second one for outliers, and has 1`,
		}},
		{"a child for nothing", detector(``, two), []string{
			`error: spec.predictors[0].graph.children: the second one is for outliers, and gets none: set the parameter decide to route, or leave it out`,
		}},
		{"knows nothing", detector(`{name: learn, type: BOOL, value: "false"}`, one), []string{
			`error: spec.predictors[0].graph.parameters[0].value: learn is false, and there is no modelUri with a reference: the node would know nothing`,
		}},
		{"scores", withGraph(`{name: s, implementation: SCORE_DETECTOR, parameters: [{name: measure, type: STRING, value: energy}]}`), []string{
			`error: spec.predictors[0].graph.parameters: SCORE_DETECTOR needs the parameter threshold: the score above which a row is an outlier`,
			`error: spec.predictors[0].graph.children: SCORE_DETECTOR needs at least 1; "s" has 0`,
			`warning: spec.predictors[0].graph.children: the combiner "s" has no children, so it is never asked`,
		}},
		{"energy of chances", withGraph(`{name: s, implementation: SCORE_DETECTOR, parameters: [{name: measure, type: STRING, value: energy}, {name: threshold, type: FLOAT, value: "-3"}], children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: measure is energy, which is made of logits: set logits to true`,
		}},
		{"many children", withGraph(`{name: d, implementation: QUANTILE_DETECTOR, children: [{name: a}, {name: b}, {name: c}]}`), []string{
			`error: spec.predictors[0].graph.children: QUANTILE_DETECTOR takes at most 2; "d" has 3`,
		}},
		{"a name for files", withGraph(`{name: My Guard, implementation: QUANTILE_DETECTOR, modelUri: s3://b/r.json, children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.name: node name "My Guard" is not a DNS label: use lower case letters, digits and -, with a letter or digit at both ends; for example "my-guard"`,
		}},
		{"events", withGraph(`{name: d, implementation: QUANTILE_DETECTOR, parameters: [{name: events, type: STRING, value: collector:80}], children: [{name: w, implementation: DRIFT_DETECTOR, parameters: [{name: events, type: STRING, value: http://collector/x}], children: [{name: s, implementation: SCORE_DETECTOR, parameters: [{name: threshold, type: FLOAT, value: "0"}, {name: events, type: STRING, value: default}], children: [{name: a}]}]}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: events is "collector:80"; want an http or https URL, or default`,
		}},
		{"no forest", withGraph(`{name: d, implementation: ISOLATION_FOREST_DETECTOR, parameters: [{name: threshold, type: FLOAT, value: "0.6"}], children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.modelUri: is missing: ISOLATION_FOREST_DETECTOR needs the folder of forest.json`,
		}},
		{"a forest", withGraph(`{name: d, implementation: ISOLATION_FOREST_DETECTOR, modelUri: s3://b/forest, parameters: [{name: threshold, type: FLOAT, value: "1.6"}], children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: threshold is 1.6; want at least 0, at most 1`,
		}},
		{"drift", withGraph(`{name: d, implementation: DRIFT_DETECTOR, parameters: [{name: windows, type: INT, value: "9"}, {name: window, type: INT, value: "9"}, {name: test, type: STRING, value: t}, {name: alpha, type: FLOAT, value: "1"}, {name: seconds, type: FLOAT, value: "0"}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].name: DRIFT_DETECTOR has no parameter "windows"; use test, alpha, threshold, window, seconds, least, warmup, answers or events (did you mean window?)`,
			`error: spec.predictors[0].graph.parameters[1].value: window is 9; want at least 20, at most 1e+06`,
			`error: spec.predictors[0].graph.parameters[2].value: test is "t"; use ks, psi, chi2`,
			`error: spec.predictors[0].graph.parameters[3].value: alpha is 1; want above 0, below 1`,
			`error: spec.predictors[0].graph.parameters[4].value: seconds is 0; want above 0`,
			`error: spec.predictors[0].graph.children: DRIFT_DETECTOR takes at most 1; "d" has 2`,
			`warning: spec.predictors[0].graph.children: "d" has 2 children and neither routes nor combines: all are called, and the first one's answer is returned`,
		}},
		{"a window by time", withGraph(`{name: d, implementation: DRIFT_DETECTOR, parameters: [{name: seconds, type: FLOAT, value: "60"}, {name: least, type: INT, value: "300"}], children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.parameters[1].value: least is 300, more than the 200 rows of a window`,
		}},
		{"weights", withGraph(`{name: r, implementation: RANDOM_ABTEST, parameters: [{name: weights, type: STRING, value: "50, 30,20"}, {name: stickyHeader, type: STRING, value: X-User}, {name: stickyKey, type: STRING, value: user}], children: [{name: a}, {name: b}, {name: c}]}`), nil},
		{"too few weights", withGraph(`{name: r, implementation: RANDOM_ABTEST, parameters: [{name: weights, type: STRING, value: "1,1"}], children: [{name: a}, {name: b}, {name: c}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: weights is "1,1": want one number for each of the 3 children`,
		}},
		{"no weight", withGraph(`{name: r, implementation: RANDOM_ABTEST, parameters: [{name: weights, type: STRING, value: "0,0"}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: weights is "0,0": one of them has to be above 0`,
		}},
		{"wrong weights", withGraph(`{name: r, implementation: RANDOM_ABTEST, parameters: [{name: weights, type: STRING, value: "1,-1"}, {name: ratio, type: FLOAT, value: "0.5"}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: weights value 1 is -1; want at least 0`,
			`warning: spec.predictors[0].graph.parameters[1].name: RANDOM_ABTEST has no parameter ratio, which is passed over; did you mean ratioA?`,
		}},
		{"combiners", withGraph(`{name: v, implementation: VOTE_COMBINER, parameters: [{name: weights, type: STRING, value: "2,1"}, {name: labels, type: BOOL, value: "true"}], children: [{name: a}, {name: w, implementation: WEIGHTED_COMBINER, parameters: [{name: weights, type: STRING, value: "0.5"}], children: [{name: b}]}]}`), nil},
		{"wrong combiners", withGraph(`{name: v, implementation: VOTE_COMBINER, parameters: [{name: weights, type: STRING, value: "2"}, {name: label, type: BOOL, value: "true"}], children: [{name: a}, {name: w, implementation: WEIGHTED_COMBINER, children: [{name: m, implementation: MAX_COMBINER, parameters: [{name: weights, type: STRING, value: "1"}], children: [{name: b}]}]}, {name: s, implementation: STACK_COMBINER, parameters: [{name: axis, type: INT, value: "1"}]}]}`), []string{
			`error: spec.predictors[0].graph.parameters[1].name: VOTE_COMBINER has no parameter "label"; use weights, labels, quorum or deadline (did you mean labels?)`,
			`error: spec.predictors[0].graph.children[1].parameters: WEIGHTED_COMBINER needs the parameter weights: how much the answer of each child counts, of their sum`,
			`error: spec.predictors[0].graph.children[1].children[0].parameters[0].name: MAX_COMBINER has no parameter "weights"; use quorum or deadline`,
			`error: spec.predictors[0].graph.children[2].parameters[0].name: STACK_COMBINER has no parameter "axis", and no other`,
			`error: spec.predictors[0].graph.children[2].children: STACK_COMBINER needs at least 1; "s" has 0`,
			`warning: spec.predictors[0].graph.children[2].children: the combiner "s" has no children, so it is never asked`,
		}},
		{"quorum", withGraph(`{name: v, implementation: VOTE_COMBINER, parameters: [{name: weights, type: STRING, value: "1,0"}, {name: quorum, type: INT, value: "1"}], children: [{name: m, implementation: MEDIAN_COMBINER, parameters: [{name: quorum, type: INT, value: "2"}, {name: deadline, type: STRING, value: "200"}], children: [{name: a}]}, {name: f, implementation: FIRST_COMBINER, parameters: [{name: deadline, type: STRING, value: -1s}, {name: quorum, type: INT, value: "1"}], children: [{name: b}]}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: weights is "1,0": each has to be above 0 where 1 answers are enough`,
			`error: spec.predictors[0].graph.children[0].parameters[0].value: quorum is 2, and "m" has 1 children`,
			`error: spec.predictors[0].graph.children[0].parameters[1].value: deadline is "200"; want a duration such as 200ms or 2s`,
			`error: spec.predictors[0].graph.children[1].parameters[1].name: FIRST_COMBINER has no parameter "quorum"; use deadline`,
		}},
		{"deadline", withGraph(`{name: f, implementation: FIRST_COMBINER, parameters: [{name: deadline, type: STRING, value: -1s}], children: [{name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: deadline is "-1s"; want a duration such as 200ms or 2s`,
		}},
		{"steps", withGraph(`{name: t, type: TRANSFORMER, implementation: TENSOR_TRANSFORMER, parameters: [{name: steps, type: STRING, value: "select a; cast FP32"}], children: [{name: o, implementation: TENSOR_OUTPUT_TRANSFORMER, type: OUTPUT_TRANSFORMER, parameters: [{name: steps, type: STRING, value: softmax}], children: [{name: a}]}]}`), nil},
		{"wrong steps", withGraph(`{name: t, implementation: TENSOR_TRANSFORMER, parameters: [{name: steps, type: STRING, value: "softmax\ncast FP31"}], children: [{name: o, implementation: TENSOR_OUTPUT_TRANSFORMER, parameters: [{name: step, type: STRING, value: softmax}], children: [{name: a}]}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: steps are wrong: step 2: cast: there is no type "FP31"; use BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, BF16, FP32, FP64`,
			`error: spec.predictors[0].graph.children[0].parameters[0].name: TENSOR_OUTPUT_TRANSFORMER has no parameter "step"; use steps (did you mean steps?)`,
			`error: spec.predictors[0].graph.children[0].parameters: TENSOR_OUTPUT_TRANSFORMER needs the parameter steps: what is done, one step in each line or between semicolons`,
		}},
		{"formulas", withGraph(`{name: t, implementation: TENSOR_TRANSFORMER, parameters: [{name: steps, type: STRING, value: "compute bmi = weight / height ** 2; map x + 1"}], children: [{name: a}]}`), nil},
		{"wrong formulas", withGraph(`{name: t, implementation: TENSOR_TRANSFORMER, parameters: [{name: steps, type: STRING, value: "softmax\ncompute bmi = weight / height **\nmap y + 1\ncompute n = age + \"1\"\nmap repeat(\"a\", 1000000000)"}], children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: steps are wrong: step 2: compute: unexpected token EOF (1:18); step 3: map: there is no y: each element is x (1:1); step 4: compute: invalid operation: + (mismatched types float64 and string) (1:5); step 5: map: there is no function repeat; use header, text, number, has, rows, puid, lower, upper, trim, len, column, abs, sqrt, exp, log, log2, log10, sin, cos, tan, tanh, floor, ceil, round, float, int, min, max, mod, isnan (1:1)`,
		}},
		{"rules", withGraph(`{name: r, type: ROUTER, implementation: RULES_ROUTER, parameters: [{name: rules, type: STRING, value: "b: header(\"X\") == \"y\"\n\na: rows() > 10"}, {name: otherwise, type: STRING, value: b}], children: [{name: a}, {name: b}]}`), nil},
		{"wrong rules", withGraph(`{name: r, implementation: RULES_ROUTER, parameters: [{name: rules, type: STRING, value: "bb: true\na"}, {name: otherwise, type: STRING, value: c}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: rules are wrong: rule 1: there is no child "bb"; rule 2: want CHILD: EXPRESSION`,
			`error: spec.predictors[0].graph.parameters[1].value: otherwise is "c", and there is no such child`,
		}},
		{"wrong expressions", withGraph(`{name: r, implementation: RULES_ROUTER, parameters: [{name: other, type: STRING, value: c}], children: [{name: s, implementation: RULES_ROUTER, parameters: [{name: rules, type: STRING, value: "a: header(\"X\") ==\na: rows()\na: 1 in 1..100000000"}], children: [{name: a}]}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].name: RULES_ROUTER has no parameter "other"; use rules or otherwise (did you mean otherwise?)`,
			`error: spec.predictors[0].graph.parameters: RULES_ROUTER needs the parameter rules: one rule in each line, ` + "`CHILD: EXPRESSION`" + `; the first that holds decides`,
			`error: spec.predictors[0].graph.children[0].parameters[0].value: rules are wrong: rule 1: unexpected token EOF (1:14); rule 2: expected bool, but got int; rule 3: there is no operator .. (1:7)`,
		}},
		{"quorum of an average", withGraph(`{name: v, implementation: AVERAGE_COMBINER, parameters: [{name: quorum, type: INT, value: "3"}, {name: deadline, type: STRING, value: "1"}], children: [{name: a}, {name: b}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: quorum is 3, and "v" has 2 children`,
			`error: spec.predictors[0].graph.parameters[1].value: deadline is "1"; want a duration such as 200ms or 2s`,
		}},
		{"weights of an average", withGraph(`{name: v, implementation: AVERAGE_COMBINER, parameters: [{name: weights, type: STRING, value: "2"}], children: [{name: a}, {name: b}]}`), []string{
			`warning: spec.predictors[0].graph.parameters[0].name: AVERAGE_COMBINER has no parameter weights, which is passed over`,
		}},
		{"bandits", withGraph(`{name: r, implementation: EPSILON_GREEDY, parameters: [{name: epsilon, type: FLOAT, value: "2"}], children: [{name: q, implementation: UCB, parameters: [{name: exploration, type: FLOAT, value: "0"}], children: [{name: a}, {name: b}]}, {name: c}]}`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: epsilon is 2; want at least 0, at most 1`,
			`error: spec.predictors[0].graph.children[0].parameters[0].value: exploration is 0; want above 0`,
		}},
		{"one arm", withGraph(`{name: r, implementation: THOMPSON_SAMPLING, children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.children: THOMPSON_SAMPLING chooses between children, and "r" has 1`,
		}},
		{"misspelt", withGraph(`{name: d, implementation: MAHALANOBIS_DETECTER, children: [{name: a}]}`), []string{
			`error: spec.predictors[0].graph.implementation: No entry in predictors map for MAHALANOBIS_DETECTER; use SIMPLE_MODEL, SIMPLE_ROUTER, RANDOM_ABTEST, AVERAGE_COMBINER, UNKNOWN_IMPLEMENTATION, FLAG_SERVER, HUGGINGFACE_SERVER, IMAGE_SERVER, SKLEARN_SERVER or TENSORFLOW_SERVER (did you mean MAHALANOBIS_DETECTOR?)`,
		}},
	})
}
