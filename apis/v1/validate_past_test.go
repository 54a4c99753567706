package v1

import "testing"

// TestValidatePast: what Seldon Core v1 read once, or reads elsewhere, is
// told where it stands.
func TestValidatePast(t *testing.T) {
	annotated := func(deployment, predictor, component string) string {
		return `{annotations: {` + deployment + `}, predictors: [{name: p, annotations: {` + predictor + `}, graph: {name: m}, componentSpecs: [
			{metadata: {annotations: {` + component + `}}, spec: {containers: [{name: m, image: i}]}}]}]}`
	}
	const predictor, component = `spec.predictors[0].annotations`, `spec.predictors[0].componentSpecs[0].metadata.annotations`
	check(t, []validateCase{
		{"time limits", annotated(`seldon.io/rest-read-timeout: "1000", seldon.io/grpc-read-timeout: "1000"`, ``, ``), []string{
			`warning: spec.annotations[seldon.io/grpc-read-timeout]: nothing reads seldon.io/grpc-read-timeout: write seldon.io/grpc-timeout, the milliseconds that a call may take; as it is, calls have no time limit`,
			`warning: spec.annotations[seldon.io/rest-read-timeout]: nothing reads seldon.io/rest-read-timeout: write seldon.io/rest-timeout, the milliseconds that a call may take; as it is, calls have no time limit`,
		}},
		{"time limits beside those that count", annotated(``, `seldon.io/rest-connection-timeout: "1000", seldon.io/rest-timeout: "1000"`, ``), []string{
			`warning: ` + predictor + `[seldon.io/rest-connection-timeout]: nothing reads seldon.io/rest-connection-timeout: seldon.io/rest-timeout counts; leave this out`,
		}},
		{"shadows and weights of the first ingress", annotated(`seldon.io/ambassador-shadow: "true"`, `seldon.io/ambassador-weight: "25"`, ``), []string{
			`warning: spec.annotations[seldon.io/ambassador-shadow]: nothing reads seldon.io/ambassador-shadow: write shadow: true for the predictor; as it is, its answers reach clients`,
			`warning: ` + predictor + `[seldon.io/ambassador-weight]: nothing reads seldon.io/ambassador-weight: write traffic for each predictor`,
		}},
		{"variables of the first engine", `{annotations: {seldon.io/engine-seldon-log-requests: "true", seldon.io/engine-log-level: DEBUG}, predictors: [{name: p, graph: {name: m},
			svcOrchSpec: {env: [{name: MY_OWN, value: x}, {name: SELDON_LOG_MESSAGES_EXTERNALLY, value: "true"}]}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]}]}`, []string{
			`warning: spec.annotations[seldon.io/engine-seldon-log-requests]: nothing reads SELDON_LOG_REQUESTS: set logger of the graph's nodes`,
			`warning: spec.predictors[0].svcOrchSpec.env[1].name: nothing reads SELDON_LOG_MESSAGES_EXTERNALLY: set logger of the graph's nodes`,
		}},
		{"settings of the deployment below it", annotated(``, `seldon.io/istio-gateway: g, seldon.io/rest-timeout: "1000"`, `seldon.io/headless-svc: "true", seldon.io/no-engine: "true"`), []string{
			`warning: ` + predictor + `[seldon.io/istio-gateway]: is not read here; write it in spec.annotations`,
			`warning: ` + component + `[seldon.io/headless-svc]: is not read here; write it in spec.annotations`,
			`warning: ` + component + `[seldon.io/no-engine]: is not read here; write it in the annotations of a predictor`,
		}},
		{"keys of clients", `{oauth_key: k, oauth_secret: s, predictors: [{name: p, ` + model + `}]}`, []string{
			`warning: spec.oauth_key: nothing asks clients for it: who may send requests is for the ingress to say`,
		}},
	})
}

// TestValidateUnits: numbers that look as if they counted something else.
func TestValidateUnits(t *testing.T) {
	check(t, []validateCase{
		{"of annotations", `{annotations: {seldon.io/rest-timeout: "30", seldon.io/grpc-timeout: "30000", seldon.io/istio-retries-timeout: "5000", seldon.io/grpc-max-message-size: "100"},
			predictors: [{name: p, ` + model + `}]}`, []string{
			`warning: spec.annotations[seldon.io/grpc-max-message-size]: counts bytes: no message of more than 100 bytes is taken; for MiB write "104857600"`,
			`warning: spec.annotations[seldon.io/istio-retries-timeout]: counts seconds: a try may take 5000 s; for milliseconds write "5"`,
			`warning: spec.annotations[seldon.io/rest-timeout]: counts milliseconds: calls may take 30 ms; for seconds write "30000"`,
		}},
		{"written out", `{annotations: {seldon.io/rest-timeout: 30s, seldon.io/istio-retries-timeout: 2s, seldon.io/grpc-max-message-size: 4MB, seldon.io/grpc-timeout: soon},
			predictors: [{name: p, ` + model + `}]}`, []string{
			`error: spec.annotations[seldon.io/grpc-max-message-size]: "4MB" is not a whole number, so that the executor would not start; write "4000000", which counts bytes`,
			`error: spec.annotations[seldon.io/grpc-timeout]: "soon" is not a whole number, so that the executor would not start`,
			`warning: spec.annotations[seldon.io/istio-retries-timeout]: "2s" is not a whole number, so that no routes can be made of it; write "2", which counts seconds`,
			`error: spec.annotations[seldon.io/rest-timeout]: "30s" is not a whole number, so that the executor would not start; write "30000", which counts milliseconds`,
		}},
		{"of resources", withComponents(`[{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 500, memory: 512}, limits: {cpu: 600m, memory: 0.5Gi, ephemeral-storage: 100k}}}]}}]`), []string{
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].resources.requests[cpu]: 500 are cores; for thousandths of one write "500m"`,
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].resources.requests[memory]: 512 are less than a mebibyte, since the number counts bytes; write a unit, such as 512Mi`,
			`warning: spec.predictors[0].componentSpecs[0].spec.containers[0].resources.limits[ephemeral-storage]: 100k are less than a mebibyte, since the number counts bytes; write a unit, such as 512Mi`,
			`error: spec.predictors[0].componentSpecs[0].spec.containers[0].resources.requests[cpu]: the request 500 is above the limit 600m`,
		}},
	})
}
