{{/*
radiant.settings lists the environment of the operator. What is empty or false
is left to the operator's own defaults.
*/}}
{{- define "radiant.settings" -}}
{{- $v := .Values -}}
{{- $x := $v.executor -}}
{{- /* BEGIN made by make generate, from the tables of operator/config. */ -}}
{{- $all := dict
  "CONTROLLER_ID" $v.controllerId
  "EXECUTOR_CONTAINER_IMAGE_PULL_POLICY" $v.executor.image.pullPolicy
  "EXECUTOR_CONTAINER_SERVICE_ACCOUNT_NAME" $v.executor.serviceAccountName
  "EXECUTOR_CONTAINER_USER" $v.executor.user
  "EXECUTOR_SERVER_PORT" $v.executor.port
  "EXECUTOR_SERVER_GRPC_PORT" $v.executor.grpcPort
  "EXECUTOR_SERVER_METRICS_PORT_NAME" $v.executor.metricsPortName
  "EXECUTOR_PROMETHEUS_PATH" $v.executor.prometheus.path
  "EXECUTOR_DEFAULT_CPU_REQUEST" $v.executor.resources.cpuRequest
  "EXECUTOR_DEFAULT_CPU_LIMIT" $v.executor.resources.cpuLimit
  "EXECUTOR_DEFAULT_MEMORY_REQUEST" $v.executor.resources.memoryRequest
  "EXECUTOR_DEFAULT_MEMORY_LIMIT" $v.executor.resources.memoryLimit
  "EXECUTOR_REQUEST_LOGGER_DEFAULT_ENDPOINT" $v.executor.requestLogger.defaultEndpoint
  "EXECUTOR_REQUEST_LOGGER_WORK_QUEUE_SIZE" $v.executor.requestLogger.workQueueSize
  "EXECUTOR_REQUEST_LOGGER_WRITE_TIMEOUT_MS" $v.executor.requestLogger.writeTimeoutMs
  "EXECUTOR_SHUTDOWN_DELAY_SECONDS" $v.executor.shutdownDelaySeconds
  "EXECUTOR_CALL_TIMEOUT_MS" $v.executor.callTimeoutMs
  "EXECUTOR_FULL_HEALTH_CHECKS" $v.executor.fullHealthChecks
  "PREDICTIVE_UNIT_HTTP_SERVICE_PORT" $v.predictiveUnit.httpPort
  "PREDICTIVE_UNIT_GRPC_SERVICE_PORT" $v.predictiveUnit.grpcPort
  "PREDICTIVE_UNIT_METRICS_SERVICE_PORT" $v.predictiveUnit.metricsPort
  "PREDICTIVE_UNIT_METRICS_PORT_NAME" $v.predictiveUnit.metricsPortName
  "PREDICTIVE_UNIT_PRE_STOP" $v.predictiveUnit.preStop
  "IMAGE_VOLUMES" $v.storageInitializer.imageVolumes
  "PREDICTIVE_UNIT_DEFAULT_ENV_SECRET_REF_NAME" $v.predictiveUnit.defaultEnvSecretRefName
  "CREDENTIAL_SECRETS" $v.rbac.secrets
  "DEFAULT_USER_ID" $v.defaultUserID
  "POD_SECURITY" $v.podSecurity.standard
  "POD_SECURITY_USER" $v.podSecurity.user
  "DEFAULT_CERT_MOUNT_PATH_NAME" $v.certMountPath
  "DEPLOYMENT_NAME_AS_PREFIX" $v.manager.deploymentNameAsPrefix
  "NETWORK_POLICY" $v.networkPolicy.enabled
  "NETWORK_POLICY_FROM" $v.networkPolicy.from
  "KEDA_ENABLED" $v.keda.enabled
  "ACTIVATOR_ENABLED" $v.activator.enabled
  "GATEWAY_API_ENABLED" $v.gatewayAPI.enabled
  "GATEWAY_API_GATEWAY" $v.gatewayAPI.gateway
  "GATEWAY_API_GRPC_GATEWAY" $v.gatewayAPI.grpcGateway
  "GATEWAY_API_MIRROR" $v.gatewayAPI.mirror
  "GATEWAY_API_ADDRESS" $v.gatewayAPI.address
  "ISTIO_ENABLED" $v.istio.enabled
  "ISTIO_GATEWAY" $v.istio.gateway
  "ISTIO_TLS_MODE" $v.istio.tlsMode
  "ISTIO_ADDRESS" $v.istio.address
  "AMBASSADOR_ENABLED" $v.ambassador.enabled
  "AMBASSADOR_VERSION" $v.ambassador.version
  "AMBASSADOR_SINGLE_NAMESPACE" $v.ambassador.singleNamespace
  "AMBASSADOR_ADDRESS" $v.ambassador.address
  "INGRESS_ENABLED" $v.ingress.enabled
  "INGRESS_CONTROLLER" $v.ingress.controller
  "INGRESS_CLASS" $v.ingress.class
  "INGRESS_HOST" $v.ingress.host
  "INGRESS_ADDRESS" $v.ingress.address
-}}
{{- /* END made by make generate */ -}}
{{- if or $x.image.registry $x.image.repository $x.image.tag }}
{{- $_ := set $all "EXECUTOR_CONTAINER_IMAGE_AND_VERSION" (include "radiant.image" (list $x.image "radiant/executor" .Chart.AppVersion)) }}
{{- end }}
{{- range $name, $value := merge (deepCopy $v.manager.env) $all }}
{{- if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end }}
{{- /* What is left out is off, but for the activator, which a base without the chart has. */ -}}
{{- if or (eq $name "ACTIVATOR_ENABLED") (not (has (toString $value) (list "" "false" "<nil>"))) }}
- name: {{ $name }}
  value: {{ toString $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* radiant.given keeps the entries of a map that are not empty, maps in maps too, as texts. */}}
{{- define "radiant.given" -}}
{{- $kept := dict }}
{{- range $key, $value := . }}
{{- if kindIs "map" $value }}{{ $value = include "radiant.given" $value | fromJson }}
{{- else if kindIs "float64" $value }}{{ $value = toString $value }}
{{- else if kindIs "bool" $value }}{{ $value = toString $value }}
{{- end }}
{{- if $value }}{{ $_ := set $kept $key $value }}{{ end }}
{{- end }}
{{- toJson $kept }}
{{- end }}
