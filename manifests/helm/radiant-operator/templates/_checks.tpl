{{/* radiant.check refuses values that cannot be meant. */}}
{{- define "radiant.check" -}}
{{- range $name, $image := dict "image" .Values.image "executor.image" .Values.executor.image }}
{{- if hasPrefix "seldonio/seldon-core-" (toString $image.repository) }}
{{- fail (printf "%s.repository is %s, an image of Seldon Core: leave %s out of the values, or name a copy of Radiant's" $name $image.repository $name) }}
{{- end }}
{{- end }}
{{- if and .Values.certManager.enabled (not .Values.webhook.enabled) }}
{{- fail "certManager.enabled has no use without webhook.enabled: cert-manager makes the webhook's certificate" }}
{{- end }}
{{- if and .Values.training.enabled .Values.singleNamespace }}
{{- fail "training.enabled needs the rights of a whole cluster, to install the definitions of jobs: leave singleNamespace out" }}
{{- end }}
{{- end }}

{{/* radiant.obsolete lists the values of Seldon Core's chart that were given and do nothing. */}}
{{- define "radiant.obsolete" -}}
{{- $why := dict
  "engine" "the Java engine is gone; executor.* counts"
  "executor.enabled" "there is no other engine"
  "kubeflow" "write controllerId or singleNamespace"
  "managerCreateResources" "the chart brings all that the operator needs"
  "usageMetrics" "nothing is sent"
  "crd.forceV1" "there is one version of the definition"
  "crd.forceV1beta1" "there is one version of the definition"
  "manager.leaderElectionResourceLock" "leases are the only kind of lock"
  "rbac.configmap" "seldon-config is made where one of its values is given"
  "webhook.ca" "the operator renews the webhook's certificate by itself"
-}}
{{- range $path, $reason := $why }}
{{- $names := splitList "." $path }}
{{- $at := $.Values }}
{{- range initial $names }}{{ $at = default dict (get $at .) }}{{ end }}
{{- if hasKey $at (last $names) }}
  {{ $path }}: {{ $reason }}
{{- end }}
{{- end }}
{{- end }}
