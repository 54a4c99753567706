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
	const starts = "the node's server loads its model once, when it starts, so that a new version takes a new pod"
	own := func(rest, more string) string {
		return `{` + more + `predictors: [{name: p, graph: {name: a, type: MODEL, modelUri: "s3://bucket/m", modelRefresh: 60s` + rest + `}, componentSpecs: [{spec: {containers: [{name: b, image: x}]}}, {spec: {containers: [{name: a, image: x}]}}]}]}`
	}
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
		{"MLServer", node("SKLEARN_SERVER", "s3://bucket/m", `modelRefresh: 60s, versionTraffic: {"3": 90, "7": 10}, parameters: [{name: model_version_policy, type: STRING, value: all}]`), nil},
		{"MLServer with the latest alone", node("SKLEARN_SERVER", "s3://bucket/m", `modelRefresh: 60s, versionTraffic: {"3": 90, "7": 10}`), []string{
			"error: spec.predictors[0].graph.versionTraffic: 2 versions are named, and SKLEARN_SERVER loads the highest alone: give the node the parameter model_version_policy, such as all or latest:2",
		}},
		{"MLServer, one at a time", node("SKLEARN_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: one_at_a_time, type: STRING, value: "true"}]`), []string{
			"error: spec.predictors[0].graph.parameters[0].name: SKLEARN_SERVER does not drop what it has before it loads another version: leave one_at_a_time out",
		}},
		{"Triton", node("FLAG_SERVER", "s3://bucket/m", "modelRefresh: 60s"), nil},
		{"Triton at Azure by URL", node("FLAG_SERVER", "https://account.blob.core.windows.net/c/m?sig=x", "modelRefresh: 5m"), nil},
		{"Triton and an archive", node("FLAG_SERVER", "https://user:secret@host/m.tar.gz?token=secret", "modelRefresh: 60s"), []string{
			"error: " + at + "https://host/m.tar.gz is no folder that has the folder of the model: FLAG_SERVER takes new versions from s3://, gs://, azblob://, pvc:// and paths",
		}},
		{"Triton that reads its repository itself", strings.Replace(node("FLAG_SERVER", "s3://bucket/m", "modelRefresh: 60s"), "{", `{annotations: {seldon.io/no-storage-initializer: "true"}, `, 1), []string{
			"error: " + at + "by the annotation seldon.io/no-storage-initializer FLAG_SERVER reads its repository itself, so that nobody looks for new versions: leave it out, or modelRefresh",
		}},
		{"a server that starts with a version", node("HUGGINGFACE_SERVER", "hf://o/m@main", `modelRefresh: 60s, parameters: [{name: model_version_policy, type: STRING, value: "specific:3,7"}]`), nil},
		{"without a model", node("HUGGINGFACE_SERVER", "", "modelRefresh: 60s"), []string{"error: " + at + "the node has no modelUri in which new versions could be found"}},
		{"of one commit", node("HUGGINGFACE_SERVER", "hf://o/m@"+commit, "modelRefresh: 60s"), []string{fixed("hf://o/m@" + commit)}},
		{"shares, where there is one version", node("HUGGINGFACE_SERVER", "s3://bucket/m", `modelRefresh: 60s, versionTraffic: {"3": 90, "7": 10}, parameters: [{name: model_version_policy, type: STRING, value: all}, {name: version_labels, type: STRING, value: "a=3"}]`), []string{
			"error: spec.predictors[0].graph.versionTraffic: " + starts + ": it has one version at a time, so leave versionTraffic out, or modelRefresh",
			"error: spec.predictors[0].graph.parameters[0].value: " + starts + ": it has one version at a time, and all may be several",
			"error: spec.predictors[0].graph.parameters[1].name: " + starts + ": it has one version at a time, so leave version_labels out, or modelRefresh",
		}},
		{"a server of one's own", `{predictors: [{name: p, graph: {name: a, type: MODEL, modelUri: "s3://bucket/m", modelRefresh: 60s}, componentSpecs: [{spec: {containers: [{name: a, image: x}]}}]}]}`, nil},
		{"one's own, without a model", `{predictors: [{name: p, graph: {name: a, type: MODEL, modelRefresh: 60s}, componentSpecs: [{spec: {containers: [{name: a, image: x}]}}]}]}`, []string{
			"error: " + at + "the node has no modelUri in which new versions could be found",
		}},
		{"one's own, without an executor", strings.Replace(own("", ""), "{name: p,", `{name: p, annotations: {seldon.io/no-engine: "true"}, `, 1), []string{
			"error: " + at + starts + "; the executor beside the node tells of new versions, and its pod has none: leave modelRefresh out, and give the node a new modelUri for a new model",
		}},
		{"one's own, in another pod", own(", children: [{name: b, type: MODEL}]", ""), []string{
			"error: " + at + starts + "; the executor beside the node tells of new versions, and its pod has none: leave modelRefresh out, and give the node a new modelUri for a new model",
		}},
		{"built-in", `{predictors: [{name: p, graph: {name: a, implementation: SIMPLE_MODEL, modelRefresh: 60s}}]}`, []string{
			"error: " + at + "SIMPLE_MODEL runs inside the executor, which reads its file once, when it starts: give the node a new modelUri for a new file",
		}},
		{"another image", node("TENSORFLOW_SERVER", "s3://bucket/m", "modelRefresh: 60s, storageInitializerImage: x"), []string{
			"warning: " + at + "the image of storageInitializerImage has to know --refresh, as Radiant's own does",
		}},
		{"one at a time", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: one_at_a_time, type: BOOL, value: "true"}]`), nil},
		{"one of one", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: one_at_a_time, type: BOOL, value: "true"}, {name: model_version_policy, type: STRING, value: "specific:3"}]`), nil},
		{"one of several", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: model_version_policy, type: STRING, value: "latest:2"}, {name: one_at_a_time, type: BOOL, value: "true"}]`), []string{
			"error: spec.predictors[0].graph.parameters[1].value: one_at_a_time loads one version, and by the parameter model_version_policy, latest:2, there may be several: leave one of both out",
		}},
		{"one of two with shares", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, versionTraffic: {"3": 50, "7": 50}, parameters: [{name: one_at_a_time, type: BOOL, value: "true"}]`), []string{
			"error: spec.predictors[0].graph.versionTraffic: 2 versions are named, and by the parameter one_at_a_time one is loaded: name one of them, or leave the parameter out, which needs memory for all",
		}},
		{"one with a label", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: one_at_a_time, type: BOOL, value: "true"}, {name: version_labels, type: STRING, value: "stable=3"}]`), nil},
		{"one of many, not wanted", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: model_version_policy, type: STRING, value: all}, {name: one_at_a_time, type: BOOL, value: "false"}]`), nil},
		{"one at a time of what never changes", node("TENSORFLOW_SERVER", "s3://bucket/m", `parameters: [{name: one_at_a_time, type: BOOL, value: "true"}]`), []string{
			"error: spec.predictors[0].graph.parameters[0].name: one_at_a_time is about new versions that modelRefresh finds: give the node modelRefresh, such as 60s, or leave the parameter out",
		}},
		{"one at a time, perhaps", node("TENSORFLOW_SERVER", "s3://bucket/m", `modelRefresh: 60s, parameters: [{name: one_at_a_time, type: BOOL, value: "yes"}]`), []string{
			"error: spec.predictors[0].graph.parameters[0].value: one_at_a_time is \"yes\"; want true or false",
		}},
		{"another initializer", `{predictors: [{name: p, graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/m", modelRefresh: 60s},
			componentSpecs: [{spec: {containers: [{name: a}], initContainers: [{name: other, image: x}, {name: a-model-initializer, image: x}]}}]}]}`, []string{
			"warning: spec.predictors[0].componentSpecs[0].spec.initContainers[1]: this container is in the place of the one that would fetch the model of node \"a\" " +
				"and look for new versions, so that its modelRefresh is without effect; leave the container out, or modelRefresh",
		}},
	})
}

// TestRefreshIntoAFolderOfOthers: a volume at the place of the model is refused where other
// pods, or another node, would see what is brought there.
func TestRefreshIntoAFolderOfOthers(t *testing.T) {
	of := func(volume, more string) string {
		return `{predictors: [{name: p, graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/m", modelRefresh: 60s},
			componentSpecs: [{spec: {volumes: [{name: v, ` + volume + `}],
				containers: [{name: a, volumeMounts: [{name: v, mountPath: /mnt/models/` + more + `}]}]}}]}]}`
	}
	const at = "error: spec.predictors[0].componentSpecs[0].spec.containers[0].volumeMounts[0]"
	const help = ": leave this mount out, or make it emptyDir or ephemeral; a claim that holds the versions is named by modelUri: pvc://CLAIM/PATH"
	is := func(kind, seen string) []string {
		return []string{at + `: modelRefresh of node "a" brings versions into the volume "v", and ` + kind + " is " + seen + help}
	}
	const shared, read = "the same for all pods, each of which would remove what others still serve", "only read"
	two := func(first, second string) string {
		return `{predictors: [{name: p, graph: {name: a, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/m", modelRefresh: 60s,
				children: [{name: b, implementation: TENSORFLOW_SERVER, modelUri: "s3://bucket/n", modelRefresh: 60s}]},
			componentSpecs: [{spec: {volumes: [{name: v, emptyDir: {}}], containers: [
				{name: a, volumeMounts: [{name: v, mountPath: /mnt/models` + first + `}]}, {name: b, volumeMounts: [{name: v, mountPath: /mnt/models` + second + `}]}]}}]}]}`
	}
	byName := func(volume string) string {
		return strings.NewReplacer("{name: v, "+volume, "{name: a-provision-location, "+volume, ", volumeMounts: [{name: v, mountPath: /mnt/models/}]", "").Replace(of(volume, ""))
	}
	check(t, []validateCase{
		{"an own folder", of("emptyDir: {sizeLimit: 1Gi}", ""), nil},
		{"an own claim", of("ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce]}}}", ""), nil},
		{"a claim", of("persistentVolumeClaim: {claimName: c}", ""), is("persistentVolumeClaim", shared)},
		{"a part of a claim", of("persistentVolumeClaim: {claimName: c}", ", subPath: models"), is("persistentVolumeClaim", shared)},
		{"a part of a claim for each pod", of("persistentVolumeClaim: {claimName: c}", ", subPathExpr: $(POD_NAME)"), []string{
			at + `.subPathExpr: modelRefresh of node "a" brings versions into this folder by a container that does not have the variables of this one` + help,
		}},
		{"a claim that is only read", of("persistentVolumeClaim: {claimName: c, readOnly: true}", ""), is("persistentVolumeClaim", read)},
		{"a folder of the node", of("hostPath: {path: /models}", ""), is("hostPath", shared)},
		{"NFS", of("nfs: {server: s, path: /}", ""), is("nfs", shared)},
		{"an image", of("image: {reference: r/m:1}", ""), is("image", read)},
		{"a ConfigMap", of("configMap: {name: m}", ""), is("configMap", read)},
		{"elsewhere", of("persistentVolumeClaim: {claimName: c}", "data"), nil},
		{"two nodes", two("", ""), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[1].volumeMounts[0]: modelRefresh of the nodes "a" and "b" would bring versions into the same folder of the volume "v": give each a volume, or a subPath`,
		}},
		{"two nodes, one folder in two words", two(", subPath: a", ", subPath: ./a/"), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.containers[1].volumeMounts[0]: modelRefresh of the nodes "a" and "b" would bring versions into the same folder of the volume "v": give each a volume, or a subPath`,
		}},
		{"a claim by the name of the volume", byName("persistentVolumeClaim: {claimName: c}"), []string{
			`error: spec.predictors[0].componentSpecs[0].spec.volumes[0]: modelRefresh of node "a" brings versions into the volume of this name, and persistentVolumeClaim is ` + shared +
				": give it another name, or make it emptyDir or ephemeral; a claim that holds the versions is named by modelUri: pvc://CLAIM/PATH",
		}},
		{"an own folder by the name of the volume", byName("emptyDir: {sizeLimit: 1Gi}"), nil},
		{"a driver that only reads", of("csi: {driver: d, readOnly: true}", ""), is("csi", read)},
		{"a driver", of("csi: {driver: d}", ""), nil},
		{"two nodes apart", two(", subPath: a", ", subPath: b"), nil},
		{"it is fetched once", strings.Replace(of("persistentVolumeClaim: {claimName: c}", ""), ", modelRefresh: 60s", "", 1), nil},
	})
}

// TestCopiedThoughMountedAlways: what a node has that only the copy of a model heeds is said
// where that was not to be.
func TestCopiedThoughMountedAlways(t *testing.T) {
	of := func(word, graph string) string {
		return `{annotations: {seldon.io/image-volumes: ` + word + `}, predictors: [{name: p, graph: {name: a, ` + graph + `}}]}`
	}
	const server = "implementation: TENSORFLOW_SERVER, modelUri: "
	const at, text = "warning: spec.predictors[0].graph", ": seldon.io/image-volumes is always, and this model is copied: "
	check(t, []validateCase{
		{"mounted", of("always", server+`"oci://registry.example/m:1"`), nil},
		{"refreshed", of("always", server+`"oci://registry.example/m:1", modelRefresh: 60s`), []string{
			at + ".modelRefresh" + text + "what is mounted does not change while the pod runs; to have it mounted, leave modelRefresh out",
		}},
		{"where it can be", of("auto", server+`"oci://registry.example/m:1", modelRefresh: 60s`), nil},
		{"no image", of("always", server+`"s3://bucket/m", modelRefresh: 60s`), nil},
		{"by an image of the user's", of("always", server+`"oci://registry.example/m:1", storageInitializerImage: x`), []string{
			at + ".storageInitializerImage" + text + "by this image; to have it mounted, leave storageInitializerImage out",
		}},
		{"a short name", of("always", server+`"oci://registry/m:1"`), []string{
			at + ".modelUri" + text + "container runtimes take a registry without a dot or a port for a folder of docker.io; to have it mounted, write the registry's whole name",
		}},
		{"in the executor", of("always", `implementation: SIMPLE_MODEL, modelUri: "oci://registry/m:1"`), []string{at + ".modelUri: SIMPLE_MODEL has no use for a model"}},
	})
}

// TestValidateCompat: a word for which the executor would not start is said, wherever it is
// written.
func TestValidateCompat(t *testing.T) {
	of := func(annotation, variable, container string) string {
		return `{annotations: {seldon.io/engine-radiant-compat: ` + annotation + `}, predictors: [{name: p, svcOrchSpec: {env: [{name: RADIANT_COMPAT, ` + variable + `}]},
			graph: {name: a, implementation: SIMPLE_MODEL}, componentSpecs: [{spec: {containers: [{name: seldon-container-engine, env: [{name: RADIANT_COMPAT, value: "` + container + `"}]}]}}]}]}`
	}
	const invalid = ": Invalid version of Seldon Core whose habits the executor has "
	check(t, []validateCase{
		{"right", of("v1", "value: v1", "v1"), nil},
		{"nothing", of(`""`, `value: ""`, ""), nil},
		{"from elsewhere", of("v1", "valueFrom: {fieldRef: {fieldPath: metadata.name}}", "v1"), nil},
		{"other words", of("V1", "value: v2", "1.17"), []string{
			"error: spec.annotations[seldon.io/engine-radiant-compat]" + invalid + `"V1"; use v1 (did you mean v1?)`,
			"error: spec.predictors[0].svcOrchSpec.env[0].value" + invalid + `"v2"; use v1`,
			"error: spec.predictors[0].componentSpecs[0].spec.containers[0].env[0].value" + invalid + `"1.17"; use v1`,
		}},
	})
}

func TestValidateRepositoryAPI(t *testing.T) {
	of := func(protocol, annotation, value string) string {
		return `{protocol: ` + protocol + `, annotations: {seldon.io/engine-radiant-repository-api: ` + annotation + `}, predictors: [{name: p,
			svcOrchSpec: {env: [{name: OTHER, value: x}, {name: RADIANT_REPOSITORY_API, ` + value + `}]}, graph: {name: a, implementation: SKLEARN_SERVER, modelUri: "s3://bucket/m"}}]}`
	}
	const annotated, variable = "spec.annotations[seldon.io/engine-radiant-repository-api]: ", "spec.predictors[0].svcOrchSpec.env[1].value: "
	check(t, []validateCase{
		{"right", of("v2", "all", "value: index"), nil},
		{"from elsewhere", of("v2", "none", "valueFrom: {fieldRef: {fieldPath: metadata.name}}"), nil},
		{"other words", of("v2", "sometimes", "value: al"), []string{
			"error: " + annotated + `Invalid word for what clients may ask of the repositories of servers "sometimes"; use none, index or all`,
			"error: " + variable + `Invalid word for what clients may ask of the repositories of servers "al"; use none, index or all`,
		}},
		{"for nobody", of("seldon", "all", "value: none"), []string{"warning: " + annotated + "it is for clients of protocol v2, and those of this deployment speak seldon"}},
	})
}
