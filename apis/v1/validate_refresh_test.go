package v1

import (
	"strings"
	"testing"
)

func TestValidateRefresh(t *testing.T) {
	node := func(implementation, uri, rest string) string {
		return `{predictors: [{name: p, graph: {name: a, implementation: ` + implementation + `, modelUri: "` + uri + `", ` + rest + `}}]}`
	}
	const at = "spec.predictors[0].graph.modelRefresh: "
	const others = "error: " + at + "only TENSORFLOW_SERVER takes new versions while it runs; others get a new model by a new modelUri"
	fixed := func(uri string) string {
		return "error: " + at + uri + " names one state for good, so that no new version can come: name a tag, a branch or a folder"
	}
	commit, digest := strings.Repeat("a1", 20), "sha256:"+strings.Repeat("0f", 32)
	check(t, []validateCase{
		{"right", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: 60s"), nil},
		{"a claim", node("TENSORFLOW_SERVER", "pvc://claim/m", "modelRefresh: 24h"), nil},
		{"a path", node("TENSORFLOW_SERVER", "./m", "modelRefresh: 5s"), nil},
		{"Azure by URL", node("TENSORFLOW_SERVER", "https://account.blob.core.windows.net/c/m?sig=x", "modelRefresh: 5m"), nil},
		{"no duration", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: often"), []string{
			"error: " + at + `"often" is not a duration such as 60s or 5m`,
		}},
		{"without a unit", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: "60"`), []string{
			"error: " + at + `"60" is not a duration such as 60s or 5m`,
		}},
		{"too often", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: 1s"), []string{"error: " + at + "1s is not between 5s and 24h"}},
		{"never", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: -60s"), []string{"error: " + at + "-60s is not between 5s and 24h"}},
		{"an archive", node("TENSORFLOW_SERVER", "https://user:secret@host/m.tar.gz?token=secret", "modelRefresh: 60s"), nil},
		{"a branch", node("TENSORFLOW_SERVER", "hf://o/m@main/saved", "modelRefresh: 60s"), nil},
		{"a tag", node("TENSORFLOW_SERVER", "oci://registry/m:stable", "modelRefresh: 60s"), nil},
		{"a commit", node("TENSORFLOW_SERVER", "hf://o/m@"+commit+"/saved", "modelRefresh: 60s"), []string{fixed("hf://o/m@" + commit + "/saved")}},
		{"a digest", node("TENSORFLOW_SERVER", "oci://registry/m@"+digest, "modelRefresh: 60s"), []string{fixed("oci://registry/m@" + digest)}},
		{"another server", node("SKLEARN_SERVER", "s3://bucket/m", "modelRefresh: 60s"), []string{others}},
		{"a server of v2", `{predictors: [{name: p, graph: {name: a, type: MODEL, modelRefresh: 60s}, componentSpecs: [{spec: {containers: [{name: a, image: x}]}}]}]}`, []string{others}},
		{"built-in", `{predictors: [{name: p, graph: {name: a, implementation: SIMPLE_MODEL, modelRefresh: 60s}}]}`, []string{others}},
		{"another image", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: 60s, storageInitializerImage: x"), []string{
			"warning: " + at + "the image of storageInitializerImage has to know --refresh, as Radiant's own does",
		}},
		{"another initializer", `{predictors: [{name: p, graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/m", modelRefresh: 60s},
			componentSpecs: [{spec: {containers: [{name: a}], initContainers: [{name: other, image: x}, {name: a-model-initializer, image: x}]}}]}]}`, []string{
			"warning: spec.predictors[0].componentSpecs[0].spec.initContainers[1]: this container is in the place of the one that would fetch the model of node \"a\" " +
				"and look for new versions, so that its modelRefresh is without effect; leave the container out, or modelRefresh",
		}},
	})
}
