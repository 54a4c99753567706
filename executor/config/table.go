package config

import (
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/setting"
)

// row is a setting as the tables below write it.
type row = setting.Setting

// The groups of settings: headings of docs/executor.md.
const (
	groupServe     = "What to serve"
	groupListeners = "Listeners"
	groupNodes     = "Nodes"
	groupLimits    = "Limits"
	groupShown     = "What is shown"
	groupTraces    = "Traces"
	groupPayloads  = "Payloads"
	groupKafka     = "Kafka"
	groupIgnored   = "Without effect"
)

// fields is the table of all settings.
func (c *Config) fields(s *source) []field {
	return slices.Concat(c.serveFields(s), c.listenerFields(), c.nodeFields(), c.limitFields(), c.shownFields(s),
		tracingFields(), c.PayloadLog.fields(), c.Kafka.fields(), c.KafkaSecurity.fields(), []field{
			accepted(row{Group: groupIgnored, Flag: "config"}),
			accepted(row{Group: groupIgnored, Flag: "kubeconfig"}),
			accepted(row{Group: groupIgnored, Flag: "log_write_timeout_ms", Value: "2000"}),
		})
}

func (c *Config) serveFields(s *source) []field {
	const g = groupServe
	return []field{
		secret(&s.predictor, row{Group: g, Variable: predictorVariable, Doc: "the predictor: base64 of its JSON"}),
		text(&s.file, row{Group: g, Flag: "file", Doc: "a SeldonDeployment to read it from instead: .yaml, .yml or .json"}),
		text(&c.Deployment, row{Group: g, Flag: "sdep", Doc: "name of the SeldonDeployment"}),
		text(&c.Namespace, row{Group: g, Flag: "namespace", Doc: "namespace of the SeldonDeployment"}),
		text(&c.PredictorName, row{Group: g, Flag: "predictor", Doc: "name of the predictor to serve"}),
		text(&c.Protocol, row{Group: g, Flag: "protocol", Value: "seldon", Doc: "what clients speak: seldon, tensorflow, v2 or kfserving"}),
		text(&s.serverType, row{Group: g, Flag: "server_type", Value: "rpc", Doc: "rpc, or kafka: serve records of a topic too"}),
		text(&c.Transport, row{Group: g, Flag: "transport", Value: "rest", Doc: "how nodes are called for records of a topic: rest or grpc"}),
		text(&s.compat, row{Group: g, Flag: "compat", Variable: graph.CompatVariable, Doc: "v1: errors and built-in nodes as in Seldon Core v1"}),
		mention(&c.InjectRouting, row{Group: g, Variable: "SELDON_ENABLE_ROUTING_INJECTION", Doc: "set to anything: routes are written into the answer's meta"}),
		truth(&c.MergeMeta, row{Group: g, Variable: "RADIANT_MERGE_META", Value: "false", Doc: "puid, routing, requestPath, tags and metrics of all nodes are written there"}),
		truth(&c.TellRoutes, row{Group: g, Variable: "RADIANT_ROUTE_HEADERS", Value: "false",
			Doc: "answers say in the headers `Seldon-Predictor` and `Seldon-Route` which predictor gave them and which children routers chose; over gRPC metadata"}),
		truth(&s.list, row{Group: g, Flag: "settings", Value: "false", Doc: "list the settings with what is in force, and do nothing else"}),
		text(&s.podInfo, row{Group: g, Variable: "RADIANT_PODINFO", Value: "/etc/podinfo", Doc: "folder with the file `annotations` of the pod"}),
	}
}

func (c *Config) listenerFields() []field {
	const g = groupListeners
	return []field{
		number(&c.HTTPPort, row{Group: g, Flag: "http_port", Value: "8080", Doc: "port of the REST listener; 0: any free one"}),
		number(&c.GRPCPort, row{Group: g, Flag: "grpc_port", Value: "5000", Doc: "port of the gRPC listener; 0: any free one"}),
		truth(&c.OnePort, row{Group: g, Flag: "one_port", Variable: "RADIANT_ONE_PORT", Value: "false", Doc: "serve gRPC on the REST port too, as with two equal ports"}),
		text(&c.Host, row{Group: g, Variable: "RADIANT_HOST", Doc: "address to listen on; none: all"}),
		text(&c.TLS.folder, row{Group: g, Variable: "SELDON_CERT_MOUNT_PATH", Doc: "folder of certificate and key: both listeners speak TLS"}),
		text(&c.TLS.certName, row{Group: g, Variable: "SELDON_CERT_FILE_NAME", Value: "tls.crt", Doc: "name of the certificate in it"}),
		text(&c.TLS.keyName, row{Group: g, Variable: "SELDON_CERT_KEY_FILE_NAME", Value: "tls.key", Doc: "name of the key in it"}),
		text(&c.CORSOrigins, row{Group: g, Variable: "CORS_ALLOWED_ORIGINS", Value: "*", Doc: "sent as it is; none: no headers of CORS are sent"}),
		text(&c.CORSHeaders, row{Group: g, Variable: "CORS_ALLOWED_HEADERS",
			Value: "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token", Doc: "sent as they are"}),
		text(&c.AnswerHeaders, row{Group: g, Variable: "RADIANT_ANSWER_HEADERS", Value: "*",
			Doc: "headers of the node's answer that reach the client, separated by commas: names, beginnings such as X-*, or none; over gRPC metadata"}),
		duration(&c.ShutdownDelay, row{Group: g, Flag: "shutdown_delay", Value: "0s", Doc: "time between a signal and closing the listeners, while `/ready` is 503"}),
		duration(&c.GracefulTimeout, row{Group: g, Flag: "graceful_timeout", Value: "15s", Doc: "time that requests in flight have to finish after that"}),
	}
}

func (c *Config) nodeFields() []field {
	const g = groupNodes
	return []field{
		truth(&c.FullHealthChecks, row{Group: g, Flag: "full_health_checks", Value: "false", Doc: "judge readiness by HTTP instead of a TCP connection"}),
		text(&c.TLS.CAFile, row{Group: g, Variable: "RADIANT_NODE_CA_FILE", Doc: "authorities for nodes with `endpoint.tls`; none: those of the system"}),
		text(&c.TLS.NodeCertFile, row{Group: g, Variable: "RADIANT_NODE_CERT_FILE", Doc: "certificate shown to nodes with `endpoint.tls`"}),
		text(&c.TLS.NodeKeyFile, row{Group: g, Variable: "RADIANT_NODE_KEY_FILE", Doc: "its key"}),
		text(&c.NodeFiles, row{Group: g, Variable: "RADIANT_NODE_FILES", Doc: "folder that holds a folder of files for each built-in node with a `modelUri`; the operator sets it"}),
		text(&c.Repository, row{Group: g, Flag: "repository_api", Variable: graph.RepositoryVariable, Value: "none",
			Doc: "what clients of protocol v2 may ask of the repositories of servers ([versions.md](versions.md#loading-by-hand)): none; index, which models there are; all, also to load and unload them"}),
		text(&c.ModelFolders, row{Group: g, Variable: "RADIANT_MODEL_FOLDERS",
			Doc: "folders of models with `modelRefresh`, as NODE=FOLDER with commas; the operator sets it. What was refused of their versions is told by `radiant_model_version` and `/model-versions`"}),
		text(&c.StateDir, row{Group: g, Variable: "RADIANT_STATE_DIR", Doc: "folder that keeps what built-in nodes learn; none: nothing is kept. Replicas may share it"}),
		text(&c.Replica, row{Group: g, Variable: "RADIANT_REPLICA", Doc: "names this replica there; none: the host's name"}),
		text(&c.Peers, row{Group: g, Variable: "RADIANT_PEERS",
			Doc: "host:port of the other replicas' REST ports, separated by commas; `https://` before one that speaks TLS. A host may have many addresses. The operator sets it; none: no replica asks another"}),
		elsewhere(row{Group: g, Variable: "HTTP_PROXY", Doc: "counts for calls over REST"}),
		elsewhere(row{Group: g, Variable: "HTTPS_PROXY", Doc: "the same, for nodes with `endpoint.tls`"}),
		elsewhere(row{Group: g, Variable: "NO_PROXY", Doc: "hosts that are called without a proxy"}),
	}
}

func (c *Config) limitFields() []field {
	const g = groupLimits
	return []field{
		number(&c.MaxRequestBytes, row{Group: g, Flag: "max_request_bytes", Value: "104857600", Doc: "largest message taken from a client"}),
		number(&c.MaxResponseBytes, row{Group: g, Flag: "max_response_bytes", Value: "1073741824", Doc: "largest message taken from a node"}),
		number(&c.MaxHeaderBytes, row{Group: g, Flag: "max_header_bytes", Value: "1048576", Doc: "largest header of a request"}),
		number(&c.MaxStreams, row{Group: g, Flag: "max_streams", Value: "1024", Doc: "most requests that one HTTP/2 connection may have under way"}),
		number(&c.InFlight.Most, row{Group: g, Flag: "max_inflight", Variable: "RADIANT_MAX_INFLIGHT", Value: "0", Doc: "most requests under way at once; 0: no bound"}),
		number(&c.InFlight.Waiting, row{Group: g, Flag: "max_waiting", Variable: "RADIANT_MAX_WAITING", Value: "0", Doc: "most requests that wait for `--max_inflight`; more are turned away"}),
		number(&c.InFlight.Bytes, row{Group: g, Flag: "max_inflight_bytes", Variable: "RADIANT_MAX_INFLIGHT_BYTES", Value: "0",
			Doc: "memory of all messages under way; 0: 60 % of the container's limit, no bound without one; -1: no bound"}),
		number(&c.Scaling.Concurrency, row{Group: g, Flag: "container_concurrency", Variable: "RADIANT_CONTAINER_CONCURRENCY", Value: "0",
			Doc: "most predictions, feedbacks and streams that are answered at once, for `scaleSpec`; 0: no bound"}),
		number(&c.Scaling.Queue, row{Group: g, Flag: "concurrency_queue", Variable: "RADIANT_CONCURRENCY_QUEUE", Value: "0",
			Doc: "most that wait for `--container_concurrency`; more get 503 or UNAVAILABLE at once. 0: ten times as many as are answered"}),
		duration(&c.Scaling.Patience, row{Group: g, Flag: "concurrency_wait", Variable: "RADIANT_CONCURRENCY_WAIT", Value: "30s",
			Doc: "how long one waits for it; 0: as long as its client does"}),
		number(&c.LeastRate, row{Group: g, Flag: "min_rate", Value: "16384",
			Doc: "bytes a second that a client must send or read of what is under way, over ten seconds; 0: no bound"}),
		mention(&c.HeapBound, row{Group: g, Variable: "GOMEMLIMIT", Doc: "bounds the Go heap; without it, heap and messages stay within 85 % of the container's limit"}),
	}
}

func (c *Config) shownFields(s *source) []field {
	const g = groupShown
	return []field{
		text(&c.LogLevel, row{Group: g, Flag: "log_level", Variable: "SELDON_LOG_LEVEL", Value: "INFO", Doc: "DEBUG, INFO, WARNING, ERROR or FATAL; JSON lines on standard error"}),
		truth(&s.debug, row{Group: g, Flag: "debug", Variable: "SELDON_DEBUG", Value: "false", Doc: "same as `--log_level DEBUG`"}),
		truth(&c.AccessLog, row{Group: g, Flag: "access_log", Variable: "RADIANT_ACCESS_LOG", Value: "false",
			Doc: "a line for each request: service, status, time, puid and trace; those that fail have a line of their own in any case"}),
		text(&c.Examples, row{Group: g, Variable: "RADIANT_EXAMPLES",
			Doc: "folder with what servers do not tell: `request.json`, a request that works, for the page; " +
				"and the inputs of a node's model as `NODE.json` (`{\"inputs\": [{\"datatype\": \"FP64\", \"shape\": [-1, 4]}]}`), also to judge requests by that the server failed by"}),
		text(&c.Telemetry.PrometheusPath, row{Group: g, Flag: "prometheus_path", Value: "/metrics", Doc: "path of the metrics on the REST port; empty: none"}),
		truth(&c.Scaling.Report, row{Group: g, Flag: "scaling", Variable: "RADIANT_SCALING", Value: "false",
			Doc: "serve `/scaling` on the REST port: how many requests are under way, for who scales the pods by `scaleSpec`; the operator sets it"}),
		truth(&c.Telemetry.ComponentMetrics, row{Group: g, Variable: "RADIANT_COMPONENT_METRICS", Value: "false",
			Doc: "show the metrics that components report in `meta.metrics`; those of the Python wrapper have a port of their own already"}),
	}
}

func (l *PayloadLog) fields() []field {
	const g = groupPayloads
	return []field{
		shownAs(redacted, text(&l.Endpoint, row{Group: g, Variable: endpointVariable, Doc: "where loggers send that name no URL"})),
		text(&l.Broker, row{Group: g, Flag: "log_kafka_broker", Variable: "LOGGER_KAFKA_BROKER", Doc: "Kafka brokers that take all payload events instead, host:port, separated by commas"}),
		text(&l.Topic, row{Group: g, Flag: "log_kafka_topic", Variable: "LOGGER_KAFKA_TOPIC", Value: "seldon", Doc: "topic for payload events"}),
		number(&l.Workers, row{Group: g, Flag: "logger_workers", Value: "10", Doc: "payload events that are sent at once"}),
		number(&l.Events, row{Group: g, Flag: "log_work_buffer_size", Value: "10000", Doc: "most payload events that wait; more are dropped and counted"}),
		number(&l.Bytes, row{Group: g, Flag: "log_buffer_bytes", Value: "67108864", Doc: "most bytes of payloads that wait; more are dropped and counted"}),
		text(&l.Hostname, row{Group: g, Flag: "hostname", Variable: "POD_NAME", Doc: "host name in the source of payload events"}),
	}
}

func (k *Kafka) fields() []field {
	const g = groupKafka
	return []field{
		text(&k.brokers, row{Group: g, Flag: "kafka_broker", Variable: "KAFKA_BROKER", Doc: "brokers, host:port, separated by commas"}),
		text(&k.Input, row{Group: g, Flag: "kafka_input_topic", Variable: "KAFKA_INPUT_TOPIC", Doc: "topic with requests"}),
		text(&k.Output, row{Group: g, Flag: "kafka_output_topic", Variable: "KAFKA_OUTPUT_TOPIC", Doc: "topic for answers"}),
		text(&k.Errors, row{Group: g, Flag: "kafka_error_topic", Variable: "KAFKA_ERROR_TOPIC", Doc: "topic for requests that fail; none: they are logged and counted"}),
		before(number(&k.Workers, row{Group: g, Flag: "kafka_workers", Variable: "KAFKA_WORKERS", Value: "4", Doc: "records that are under way in the graph at once; the variable counts before the flag"})),
		before(truth(&k.AutoCommit, row{Group: g, Flag: "kafka_auto_commit", Variable: "KAFKA_AUTO_COMMIT", Value: "true",
			Doc: "commit offsets at intervals; false: as soon as answers are acknowledged. The variable counts before the flag"})),
		before(truth(&k.fullGraph, row{Group: g, Flag: "kafka_full_graph", Variable: "KAFKA_FULL_GRAPH", Value: "false", Doc: "not supported: true is refused"})),
	}
}

func (k *KafkaSecurity) fields() []field {
	const g = groupKafka
	const orFile = "; the same with _FILE names a file"
	return []field{
		upper(&k.protocol, row{Group: g, Variable: "KAFKA_SECURITY_PROTOCOL", Value: "PLAINTEXT", Doc: "or SSL, SASL_SSL, SASL_PLAINTEXT; for payload events too"}),
		text(&k.CA.Text, row{Group: g, Variable: "KAFKA_SSL_CA_CERT", Doc: "PEM of the brokers' authorities" + orFile}),
		text(&k.CA.File, row{Group: g, Variable: "KAFKA_SSL_CA_CERT_FILE", Doc: "its file"}),
		text(&k.Cert.Text, row{Group: g, Variable: "KAFKA_SSL_CLIENT_CERT", Doc: "PEM of the certificate shown to brokers" + orFile}),
		text(&k.Cert.File, row{Group: g, Variable: "KAFKA_SSL_CLIENT_CERT_FILE", Doc: "its file"}),
		secret(&k.Key.Text, row{Group: g, Variable: "KAFKA_SSL_CLIENT_KEY", Doc: "PEM of its key" + orFile}),
		text(&k.Key.File, row{Group: g, Variable: "KAFKA_SSL_CLIENT_KEY_FILE", Doc: "its file"}),
		secret(&k.KeyPassword, row{Group: g, Variable: "KAFKA_SSL_CLIENT_KEY_PASS", Doc: "decrypts the key"}),
		upper(&k.Mechanism, row{Group: g, Variable: "KAFKA_SASL_MECHANISM", Value: "PLAIN", Doc: "or SCRAM-SHA-256, SCRAM-SHA-512"}),
		text(&k.Username, row{Group: g, Variable: "KAFKA_SASL_USERNAME", Doc: "user"}),
		secret(&k.Password, row{Group: g, Variable: "KAFKA_SASL_PASSWORD", Doc: "password"}),
	}
}

// tracingFields lists what [Tracing] reads.
func tracingFields() []field {
	rows := []row{
		{Variable: "OTEL_EXPORTER_OTLP_ENDPOINT", Doc: "URL of a collector: switches traces on"},
		{Variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Doc: "the same, for traces; counts before it"},
		{Variable: "OTEL_TRACES_EXPORTER", Doc: "otlp: traces go to a collector on this host, if no other is named; none: there are none"},
		{Variable: "OTEL_SDK_DISABLED", Doc: "true: there are no traces"},
		{Variable: "OTEL_EXPORTER_OTLP_PROTOCOL", Doc: "grpc or http/protobuf; by the port, if not set"},
		{Variable: "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Doc: "counts before it"},
		{Variable: "OTEL_EXPORTER_OTLP_HEADERS", Doc: "name=value, separated by commas, sent to the collector"},
		{Variable: "OTEL_EXPORTER_OTLP_TRACES_HEADERS", Doc: "counts before it"},
		{Variable: "OTEL_EXPORTER_OTLP_COMPRESSION", Value: "none", Doc: "or gzip"},
		{Variable: "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", Doc: "counts before it"},
		{Variable: "OTEL_EXPORTER_OTLP_TIMEOUT", Value: "10000", Doc: "milliseconds that one export may take"},
		{Variable: "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Doc: "counts before it"},
		{Variable: "OTEL_BSP_MAX_QUEUE_SIZE", Value: "2048", Doc: "spans that may wait"},
		{Variable: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Value: "512", Doc: "spans of one export"},
		{Variable: "OTEL_BSP_SCHEDULE_DELAY", Value: "5000", Doc: "milliseconds that the first span of a batch waits at most"},
		{Variable: "OTEL_SERVICE_NAME", Value: "executor", Doc: "name of the service in traces"},
		{Variable: "OTEL_RESOURCE_ATTRIBUTES", Doc: "name=value, separated by commas, of the service"},
		{Variable: "OTEL_TRACES_SAMPLER", Value: "parentbased_always_on", Doc: "or always_on, always_off, traceidratio, and these with parentbased_"},
		{Variable: "OTEL_TRACES_SAMPLER_ARG", Value: "1", Doc: "part of the requests that traceidratio traces, 0 to 1"},
		{Variable: "OTEL_PROPAGATORS", Value: "tracecontext,b3,b3multi,jaeger", Doc: "headers by which traces go on; baggage always does"},
		{Variable: "JAEGER_DISABLED", Doc: "true: there are no traces"},
		{Variable: "JAEGER_SERVICE_NAME", Doc: "where those of OpenTelemetry name no service"},
		{Variable: "JAEGER_TAGS", Doc: "attributes that OTEL_RESOURCE_ATTRIBUTES has not"},
		{Variable: "JAEGER_SAMPLER_TYPE", Doc: "const or probabilistic, where OTEL_TRACES_SAMPLER is not set"},
		{Variable: "JAEGER_SAMPLER_PARAM", Doc: "its argument"},
		{Variable: "JAEGER_TRACE_PROPAGATION_TYPE", Doc: "b3: those headers, where OTEL_PROPAGATORS is not set"},
		{Variable: "JAEGER_ENDPOINT", Doc: "without effect: a warning says what to set instead"},
		{Variable: "JAEGER_AGENT_HOST", Doc: "the same"},
	}
	fields := make([]field, len(rows))
	for i, r := range rows {
		r.Group = groupTraces
		fields[i] = elsewhere(r)
		fields[i].hidden = strings.HasSuffix(r.Variable, "_HEADERS")
	}
	return fields
}
