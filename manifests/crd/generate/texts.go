package main

import (
	"regexp"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// field is what kubectl explain says of a field beside its type. An empty text
// leaves the one of the Go type.
type field struct{ text, example string }

// describe gives each field below a schema its text and its example. The path is
// that of the schema, without the marks of lists and maps.
func describe(schema *apiextensionsv1.JSONSchemaProps, path string, rows map[string]field) {
	for name, property := range schema.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		if at == "metadata" {
			// That of the object itself is the API server's, which takes no text for it.
			continue
		}
		row := rowOf(rows, at)
		if row.text != "" {
			property.Description = row.text
		}
		property.Description = withoutLinks(property.Description)
		if row.example != "" {
			property.Description = strings.TrimSpace(property.Description) + "\nExample: " + row.example
		}
		describe(&property, at, rows)
		schema.Properties[name] = property
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		describe(schema.Items.Schema, path, rows)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		describe(schema.AdditionalProperties.Schema, path, rows)
	}
}

// rowOf is the row of a path: the longest end of it that has one.
func rowOf(rows map[string]field, path string) field {
	for end := path; ; {
		if row, ok := rows[end]; ok {
			return row
		}
		_, rest, ok := strings.Cut(end, ".")
		if !ok {
			return field{}
		}
		end = rest
	}
}

// withoutLinks takes the brackets off the links of Go's documentation.
func withoutLinks(text string) string {
	return regexp.MustCompile(`\[([A-Z][A-Za-z.]*)\]`).ReplaceAllString(text, "$1")
}

// texts is the table of fields, by the end of their path.
func texts() map[string]field {
	all := map[string]field{}
	for _, part := range []map[string]field{deploymentTexts(), componentTexts(), nodeTexts(), containerTexts(), statusTexts()} {
		for path, row := range part {
			all[path] = row
		}
	}
	return all
}

func deploymentTexts() map[string]field {
	return map[string]field{
		"spec":                                  {"What is to be served.", "{predictors: [{name: default, graph: {name: iris, implementation: SKLEARN_SERVER, modelUri: s3://models/iris}}]}"},
		"spec.annotations":                      {"Settings, copied to the Deployments and pods. docs/annotations.md lists them.", `{seldon.io/rest-timeout: "2000"}`},
		"spec.name":                             {"Deprecated: no object is named by it.", "iris"},
		"spec.oauth_key":                        {"Accepted and ignored.", `""`},
		"spec.oauth_secret":                     {"Accepted and ignored.", `""`},
		"spec.protocol":                         {"The protocol that clients speak: seldon, tensorflow or v2 (kfserving is another name of it). Empty means seldon.", "v2"},
		"spec.transport":                        {"How requests reach the components: rest or grpc. Empty means rest.", "grpc"},
		"spec.serverType":                       {"How requests reach the executor: rpc, or kafka for records of a topic. Empty means rpc.", "kafka"},
		"spec.replicas":                         {"Pods of each Deployment, where neither predictor nor componentSpec says a number.", "2"},
		"spec.predictors":                       {"Graphs that share the deployment's address, each with its part of the traffic.", "[{name: default, traffic: 90, graph: {...}}, {name: canary, traffic: 10, graph: {...}}]"},
		"predictors.name":                       {"The predictor's name, unlike that of any other of the deployment: a DNS label.", "default"},
		"predictors.graph":                      {"The graph that a request walks, from its root.", "{name: iris, implementation: SKLEARN_SERVER, modelUri: s3://models/iris}"},
		"predictors.componentSpecs":             {"Pods of the graph's own containers. A container serves the node of its name.", "[{spec: {containers: [{name: classifier, image: registry.example/classifier:1}]}}]"},
		"predictors.replicas":                   {"Pods of each componentSpec without a number of its own.", "3"},
		"predictors.annotations":                {"Settings of this predictor, which count before those of spec.", `{seldon.io/grpc-timeout: "2000"}`},
		"predictors.labels":                     {"Labels of the predictor's Deployments and pods.", "{team: fraud}"},
		"predictors.traffic":                    {"Percentage of the requests; of a shadow, the percentage that is mirrored to it (0 means all).", "10"},
		"predictors.shadow":                     {"True for a predictor that gets copies of requests; its answers are dropped.", "true"},
		"predictors.progressDeadlineSeconds":    {"Seconds in which a Deployment has to make progress, copied to it.", "600"},
		"predictors.ssl":                        {"Lets the executor and the components take connections over TLS.", "{certSecretName: iris-tls}"},
		"ssl.certSecretName":                    {"Name of the Secret that holds tls.crt and tls.key.", "iris-tls"},
		"predictors.engineResources":            {"Accepted and ignored: write svcOrchSpec.resources.", "{}"},
		"predictors.svcOrchSpec":                {"The executor of the predictor: its container, and its pod where it has one of its own.", "{resources: {requests: {cpu: 500m}}}"},
		"svcOrchSpec.affinity":                  {"Affinity of the executor's own pod, as in a pod's specification.", "{podAntiAffinity: {...}}"},
		"svcOrchSpec.annotations":               {"Annotations of the executor's own pod.", `{sidecar.istio.io/inject: "false"}`},
		"svcOrchSpec.env":                       {"Environment of the executor: settings of docs/executor.md.", "[{name: RADIANT_MAX_INFLIGHT, value: \"100\"}]"},
		"svcOrchSpec.nodeSelector":              {"Nodes on which the executor's own pod may run.", "{disk: ssd}"},
		"svcOrchSpec.podSecurityContext":        {"Security context of the executor's own pod.", "{runAsNonRoot: true}"},
		"svcOrchSpec.securityContext":           {"Security context of the executor's container.", "{readOnlyRootFilesystem: true}"},
		"svcOrchSpec.priorityClassName":         {"Priority of the executor's own pod.", "serving"},
		"svcOrchSpec.replicas":                  {"Pods of the executor, where it has a Deployment of its own.", "2"},
		"svcOrchSpec.resources":                 {"Resources of the executor's container; they replace all of the operator's defaults.", "{requests: {cpu: 500m, memory: 256Mi}}"},
		"svcOrchSpec.tolerations":               {"Taints that the executor's own pod tolerates.", "[{key: models, operator: Exists}]"},
		"svcOrchSpec.topologySpreadConstraints": {"How pods of the executor spread over zones and nodes.", "[{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway}]"},
		"svcOrchSpec.volumeMounts":              {"Where volumes are in the executor's container.", "[{name: keys, mountPath: /etc/keys}]"},
		"svcOrchSpec.volumes":                   {"Volumes of the pod in which the executor runs.", "[{name: keys, secret: {secretName: keys}}]"},
		"predictors.explainer":                  {"A server that explains the predictor's predictions. Without a type there is none.", "{type: AnchorTabular, modelUri: s3://models/iris-explainer}"},
		"explainer.type":                        {"Kind of the explainer.", "AnchorTabular"},
		"explainer.config":                      {"Settings of the explainer, as its arguments.", "{threshold: \"0.95\"}"},
		"explainer.containerSpec":               {"The explainer's container, where another than the usual one is to run.", "{name: explainer, image: registry.example/explainer:1}"},
		"explainer.initParameters":              {"A JSON object as text, which the explainer is made with.", `'{"seed": 1}'`},
		"explainer.replicas":                    {"Pods of the explainer.", "1"},
		"explainer.endpoint":                    {"The ports of the explainer.", "{httpPort: 9000}"},
		"componentSpecs.pdbSpec":                {"Asks for a PodDisruptionBudget of the component's pods.", "{maxUnavailable: 1}"},
		"pdbSpec.maxUnavailable":                {"Pods that may be away at once: a number or a percentage.", "1"},
		"pdbSpec.minAvailable":                  {"Pods that have to stay: a number or a percentage.", "50%"},
		"componentSpecs.metadata":               {"Name of the Deployment, and labels and annotations of it and its pods.", "{name: classifier, labels: {team: fraud}}"},
		"componentSpecs.replicas":               {"Pods of this Deployment; it counts before all other numbers.", "3"},
		"componentSpecs.spec":                   {"Specification of the pods, as Kubernetes has it.", "{containers: [{name: classifier, image: registry.example/classifier:1}]}"},
	}
}

func componentTexts() map[string]field {
	return map[string]field{
		"componentSpecs.hpaSpec": {"Asks for a HorizontalPodAutoscaler.", "{maxReplicas: 5, metricsv2: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}"},
		"hpaSpec.minReplicas":    {"The least pods.", "1"},
		"hpaSpec.maxReplicas":    {"The most pods.", "5"},
		"hpaSpec.metrics": {"Metrics in the shape of the removed autoscaling/v2beta1. When they are given, metricsv2 is ignored.",
			"[{type: Resource, resource: {name: cpu, targetAverageUtilization: 70}}]"},
		"hpaSpec.metricsv2":                     {"Metrics in the shape of autoscaling/v2.", "[{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]"},
		"behavior":                              {"How fast pods come and go, in the shape of autoscaling/v2.", "{scaleDown: {stabilizationWindowSeconds: 300}}"},
		"componentSpecs.scaleSpec":              {"Scales the component by the requests that are under way, down to none and up from it. It excludes hpaSpec and kedaSpec.", "{minReplicas: 0, maxReplicas: 5, target: 1}"},
		"scaleSpec.minReplicas":                 {"The least pods; 0 needs the activator, which keeps requests until there is one. Left out: 1.", "0"},
		"scaleSpec.maxReplicas":                 {"The most pods. Left out, or 0: nothing bounds them.", "5"},
		"scaleSpec.metric":                      {"What is counted: concurrency, the requests under way, or rps, those that come in a second.", "concurrency"},
		"scaleSpec.target":                      {"What one pod should have of the metric. Left out: containerConcurrency, or 1.", "1"},
		"scaleSpec.targetUtilizationPercentage": {"The part of the target that is aimed at. Left out: 100; Knative has 70.", "70"},
		"scaleSpec.window":                      {"What the metric is averaged over, 6s to 1h. Left out: 60s.", "60s"},
		"scaleSpec.panicWindowPercentage":       {"The part of the window that is looked at for bursts. Left out: 10.", "10"},
		"scaleSpec.panicThresholdPercentage":    {"A burst is more than this part of what the pods that are ready should have, 110 to 1000. Left out: 200.", "200"},
		"scaleSpec.scaleDownDelay":              {"How long fewer pods have to be enough before one goes. Left out: 0s.", "5m"},
		"scaleSpec.scaleToZeroGracePeriod":      {"How long the last pod stays when there were no requests in the window. Left out: 30s.", "30s"},
		"scaleSpec.initialScale":                {"Pods of a Deployment that is new. Left out: 1.", "0"},
		"scaleSpec.activationScale":             {"The least pods as soon as any is wanted. Left out: 1.", "2"},
		"scaleSpec.containerConcurrency":        {"How many requests a pod works on at once; others wait. Left out, or 0: any number.", "1"},
		"componentSpecs.kedaSpec":               {"Asks for a ScaledObject of KEDA; the fields are copied to it.", "{maxReplicaCount: 5, triggers: [{type: prometheus, metadata: {...}}]}"},
		"kedaSpec.advanced":                     {"The section of that name of a ScaledObject.", "{restoreToOriginalReplicaCount: true}"},
		"horizontalPodAutoscalerConfig":         {"Settings of the HorizontalPodAutoscaler that KEDA makes.", "{behavior: {scaleDown: {stabilizationWindowSeconds: 300}}}"},
		"horizontalPodAutoscalerConfig.name":    {"Name of that HorizontalPodAutoscaler.", "iris-scaler"},
		"restoreToOriginalReplicaCount":         {"True if the number of pods is set back once the ScaledObject is deleted.", "true"},
		"scalingModifiers":                      {"Combines several triggers by a formula.", "{formula: (a + b) / 2, target: \"10\"}"},
		"scalingModifiers.formula":              {"The formula, over the names of triggers.", "(a + b) / 2"},
		"scalingModifiers.target":               {"What the formula's result is compared with.", `"10"`},
		"scalingModifiers.activationTarget":     {"From which result on there are pods at all.", `"1"`},
		"scalingModifiers.metricType":           {"What the target is of: AverageValue or Value.", "AverageValue"},
		"kedaSpec.cooldownPeriod":               {"Seconds after the last trigger until there are no pods.", "300"},
		"kedaSpec.fallback":                     {"Pods while a trigger cannot be read.", "{failureThreshold: 3, replicas: 2}"},
		"fallback.behavior":                     {"Which number counts then: static, currentReplicas or the higher or lower of the two.", "static"},
		"fallback.failureThreshold":             {"Failures in a row after which it counts.", "3"},
		"fallback.replicas":                     {"The pods there are then.", "2"},
		"kedaSpec.idleReplicaCount":             {"Pods while no trigger is active: 0 is all that works.", "0"},
		"kedaSpec.minReplicaCount":              {"The least pods.", "1"},
		"kedaSpec.maxReplicaCount":              {"The most pods.", "5"},
		"kedaSpec.pollingInterval":              {"Seconds between two looks at the triggers.", "30"},
		"kedaSpec.triggers":                     {"What is looked at.", "[{type: cron, metadata: {timezone: UTC, start: 0 6 * * *, end: 0 20 * * *, desiredReplicas: \"5\"}}]"},
		"triggers.type":                         {"Kind of the trigger, as KEDA names it.", "prometheus"},
		"triggers.name":                         {"Name of the trigger, for formulas.", "requests"},
		"triggers.metadata":                     {"Settings of the trigger, all text.", "{serverAddress: http://prometheus:9090, query: sum(rate(seldon_api_executor_server_requests_seconds_count[1m])), threshold: \"10\"}"},
		"triggers.metricType":                   {"What the threshold is of: AverageValue, Value or Utilization.", "AverageValue"},
		"triggers.useCachedMetrics":             {"True if values are kept between two looks.", "false"},
		"triggers.authenticationRef":            {"The TriggerAuthentication that opens the source.", "{name: kafka-login}"},
		"authenticationRef.name":                {"Its name.", "kafka-login"},
		"authenticationRef.kind":                {"TriggerAuthentication or ClusterTriggerAuthentication.", "TriggerAuthentication"},
	}
}

func nodeTexts() map[string]field {
	return map[string]field{
		"graph.name":              {"Name of the node in its graph, of the container that serves it and, unless a parameter says so, of its model.", "iris"},
		"graph.type":              {"Which calls the node takes: MODEL, ROUTER, COMBINER, TRANSFORMER or OUTPUT_TRANSFORMER.", "MODEL"},
		"graph.implementation":    {"A prepackaged server, or a node that runs inside the executor. Without it, the container of the node's name serves it.", "SKLEARN_SERVER"},
		"graph.methods":           {"Calls that the node takes beside those of its type.", "[SEND_FEEDBACK]"},
		"graph.children":          {"The nodes below, numbered from 0. A router answers with the number of the child that gets the message.", "[{name: a, type: MODEL}, {name: b, type: MODEL}]"},
		"graph.endpoint":          {"Where the node's server listens.", "{type: REST}"},
		"endpoint.type":           {"REST or GRPC.", "REST"},
		"endpoint.protocol":       {"The protocol that the server speaks: seldon, tensorflow, v2 or bentoml. Empty means that of the deployment. Where the two differ the executor translates.", "v2"},
		"endpoint.service_host":   {"Host of a server that is elsewhere.", "classifier.models.svc"},
		"endpoint.service_port":   {"Port by which it is judged whether the server is ready. 0: it is not judged.", "9000"},
		"endpoint.httpPort":       {"Port of REST.", "9000"},
		"endpoint.grpcPort":       {"Port of gRPC.", "9500"},
		"endpoint.tls":            {"True if the server takes connections over TLS alone.", "true"},
		"modelUri":                {"Where the files of the model are: s3, gs, azblob, http, https, hf, oci, pvc or file.", "s3://models/iris"},
		"serviceAccountName":      {"Account whose secrets open modelUri.", "model-reader"},
		"envSecretRefName":        {"Secret whose keys become environment of the container that fetches modelUri.", "s3-keys"},
		"storageInitializerImage": {"Image that fetches modelUri in place of the usual one.", "registry.example/storage-initializer:1"},
		"graph.parameters":        {"What the node's server, or a node inside the executor, is told.", "[{name: threshold, type: FLOAT, value: \"0.5\"}]"},
		"parameters.name":         {"Name of the parameter.", "threshold"},
		"parameters.type":         {"INT, FLOAT, DOUBLE, STRING or BOOL.", "FLOAT"},
		"parameters.value":        {"The value, always as text.", `"0.5"`},
		"graph.logger":            {"Sends this node's payloads elsewhere as well.", "{mode: all, url: http://collector.logs}"},
		"logger.mode":             {"Which payloads are sent: all, request or response.", "all"},
		"logger.url":              {"Where they are sent. Empty: where the installation sends them.", "http://collector.logs"},
		"logger.samplePercent":    {"Share of requests whose payloads are sent, 0 to 100.", "10"},
		"logger.redact":           {"Names of fields whose values are not sent, at any depth.", "[email, iban]"},
		"graph.modelRefresh":      {"How often modelUri is looked at for new versions, which the server loads while it runs, or new pods start with. Empty: it is fetched once.", "60s"},
		"graph.versionTraffic":    {"Shares of the node's requests between versions of its model, in percent, by version or by label.", `{"3": 90, "7": 10}`},
		"graph.policy":            {"Bounds and mends the calls on the node.", "{timeout: 500ms, retries: {attempts: 2}}"},
		"policy.batch":            {"Joins the rows of requests that come at the same time.", "{maxSize: 64, maxDelay: 2ms}"},
		"batch.maxSize":           {"", "64"},
		"batch.maxDelay":          {"", "2ms"},
		"policy.cache":            {"Keeps answers, and gives them to equal requests.", "{ttl: 30s}"},
		"cache.ttl":               {"", "30s"},
		"cache.maxBytes":          {"", "67108864"},
		"policy.concurrency":      {"Bounds the attempts that are under way at once.", "{limit: 8, queue: 32}"},
		"concurrency.limit":       {"", "8"},
		"concurrency.queue":       {"", "32"},
		"policy.fallback":         {"Answers in the place of a node that failed.", "{node: simple}"},
		"fallback.node":           {"", "simple"},
		"fallback.response":       {"", `'{"data": {"ndarray": [[0]]}}'`},
		"fallback.route":          {"", "0"},
		"policy.hedge":            {"Begins a second attempt while a slow one is under way.", "{percentile: 95}"},
		"hedge.maxPercent":        {"", "5"},
		"hedge.percentile":        {"", "95"},
		"policy.retries":          {"Repeats attempts that failed in a way that is safe to repeat.", "{attempts: 2}"},
		"retries.attempts":        {"", "2"},
		"retries.budgetPercent":   {"", "20"},
		"policy.timeout":          {"", "500ms"},
	}
}

// containerTexts are examples of what Kubernetes itself describes.
func containerTexts() map[string]field {
	return map[string]field{
		"apiVersion":                     {"Version of the API.", "machinelearning.seldon.io/v1"},
		"kind":                           {"Kind of the object.", "SeldonDeployment"},
		"resources.claims":               {"", "[{name: gpu}]"},
		"engineResources.claims":         {"", "[{name: gpu}]"},
		"claims.name":                    {"", "gpu"},
		"claims.request":                 {"", "one"},
		"limits":                         {"", "{memory: 1Gi}"},
		"requests":                       {"", "{cpu: 500m, memory: 256Mi}"},
		"env.name":                       {"", "RADIANT_MAX_INFLIGHT"},
		"env.value":                      {"", `"100"`},
		"env.valueFrom":                  {"", "{secretKeyRef: {name: keys, key: token}}"},
		"valueFrom.configMapKeyRef":      {"", "{name: settings, key: limit}"},
		"valueFrom.secretKeyRef":         {"", "{name: keys, key: token}"},
		"valueFrom.fieldRef":             {"", "{fieldPath: metadata.name}"},
		"valueFrom.fileKeyRef":           {"", "{volumeName: files, path: settings.env, key: LIMIT}"},
		"valueFrom.resourceFieldRef":     {"", "{resource: limits.memory}"},
		"configMapKeyRef.key":            {"", "limit"},
		"configMapKeyRef.name":           {"", "settings"},
		"configMapKeyRef.optional":       {"", "true"},
		"secretKeyRef.key":               {"", "token"},
		"secretKeyRef.name":              {"", "keys"},
		"secretKeyRef.optional":          {"", "true"},
		"fieldRef.apiVersion":            {"Version of the API that the path is of.", "v1"},
		"fieldRef.fieldPath":             {"", "metadata.name"},
		"fileKeyRef.key":                 {"", "LIMIT"},
		"fileKeyRef.optional":            {"", "true"},
		"fileKeyRef.path":                {"", "settings.env"},
		"fileKeyRef.volumeName":          {"", "files"},
		"resourceFieldRef.containerName": {"", "classifier"},
		"resourceFieldRef.divisor":       {"", "1Mi"},
		"resourceFieldRef.resource":      {"", "limits.memory"},
	}
}

// statusTexts have no examples: nobody writes a status.
func statusTexts() map[string]field {
	return map[string]field{
		"status":                             {text: "What the operator observed."},
		"status.address.url":                 {text: "The URL."},
		"status.annotations":                 {text: "Of existing objects; nothing writes it."},
		"status.conditions":                  {text: "What holds of the deployment. docs/operator.md explains each."},
		"conditions.lastTransitionTime":      {text: "When the condition last changed."},
		"conditions.message":                 {text: "What is the matter, in words."},
		"conditions.reason":                  {text: "What is the matter, as one word."},
		"conditions.status":                  {text: "True, False or Unknown."},
		"conditions.type":                    {text: "Which condition it is, such as Ready."},
		"deploymentStatus.availableReplicas": {text: "Pods that answer."},
		"deploymentStatus.description":       {text: "What is the matter with it."},
		"explainerFor":                       {text: "The predictor that it explains."},
		"deploymentStatus.name":              {text: "Name of the Deployment."},
		"deploymentStatus.replicas":          {text: "Pods that there are."},
		"deploymentStatus.status":            {text: "Available or not."},
		"status.selector":                    {text: "The labels of the pods that replicas counts."},
		"serviceStatus.grpcEndpoint":         {text: "Where it answers over gRPC."},
		"serviceStatus.httpEndpoint":         {text: "Where it answers over HTTP."},
		"serviceStatus.svcName":              {text: "Name of the Service."},
	}
}
