package v1

import "testing"

func TestValidateVersions(t *testing.T) {
	node := func(implementation, rest string) string {
		return `{predictors: [{name: p, graph: {name: a, implementation: ` + implementation + `, modelUri: m, ` + rest + `}}]}`
	}
	const policy = `{name: model_version_policy, type: STRING, value: "all"}`
	check(t, []validateCase{
		{"shares", node("TENSORFLOW_SERVER", `parameters: [`+policy+`], versionTraffic: {"3": 90, "7": 10}`), nil},
		{"no policy", node("TENSORFLOW_SERVER", `versionTraffic: {"3": 90, "7": 10}`), []string{
			`error: spec.predictors[0].graph.versionTraffic: 2 versions are named, and TENSORFLOW_SERVER loads the highest alone: give the node the parameter model_version_policy, such as all or latest:2`,
		}},
		{"labels without a policy", node("TENSORFLOW_SERVER", `parameters: [{name: version_labels, type: STRING, value: "stable=3,canary=7"}]`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: 2 versions are named, and TENSORFLOW_SERVER loads the highest alone: give the node the parameter model_version_policy, such as all or latest:2`,
		}},
		{"models of the user's own", `{predictors: [{name: p, componentSpecs: [{spec: {containers: [{name: a, args: [--model_config_file=/x]}]}}], graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: m, versionTraffic: {"3": 90, "7": 10}}}]}`, nil},
		{"sum", node("TENSORFLOW_SERVER", `parameters: [`+policy+`], versionTraffic: {"3": 90, "7": 20}`), []string{
			`error: spec.predictors[0].graph.versionTraffic: the percentages sum up to 110; want 100`,
		}},
		{"a label that is left out", node("TENSORFLOW_SERVER", `parameters: [{name: version_labels, type: STRING, value: "canary=7"}, {name: model_version_policy, type: STRING, value: "specific:3"}]`), []string{
			`error: spec.predictors[0].graph.parameters[0].value: version_labels gives canary the version 7, which the parameter model_version_policy leaves out; set the parameter model_version_policy to all, or name it there: specific:7`,
		}},
		{"MLServer", node("SKLEARN_SERVER", `versionTraffic: {v1: 90, v2: 10}`), nil},
		{"policy of MLServer", node("SKLEARN_SERVER", `parameters: [`+policy+`]`), []string{
			`warning: spec.predictors[0].graph.parameters[0].name: SKLEARN_SERVER is not told by it which versions to load: it has its own files for that`,
		}},
		{"built-in", `{predictors: [{name: p, graph: {name: a, implementation: SIMPLE_MODEL, versionTraffic: {"3": 100}}}]}`, []string{
			`error: spec.predictors[0].graph.versionTraffic: SIMPLE_MODEL runs inside the executor, where there are no versions of a model`,
		}},
		{"seldon", withGraph(`{name: a, versionTraffic: {"3": 100}}`), []string{
			`error: spec.predictors[0].graph.versionTraffic: the node's server speaks seldon, which has no versions: use a server of tensorflow or v2, or several predictors with traffic`,
		}},
		{"seldon, labels of its own", withGraph(`{name: a, parameters: [{name: version_labels, type: STRING, value: x}]}`), nil},
	})
}
