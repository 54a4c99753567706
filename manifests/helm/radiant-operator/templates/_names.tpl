{{- define "radiant.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "radiant.selector" -}}
app.kubernetes.io/name: radiant-operator
control-plane: seldon-controller-manager
{{- end }}

{{- define "radiant.labels" -}}
app.kubernetes.io/name: radiant-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "radiant.activatorSelector" -}}
app.kubernetes.io/name: radiant-activator
control-plane: seldon-activator
{{- end }}

{{- define "radiant.activatorLabels" -}}
app.kubernetes.io/name: radiant-activator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "radiant.webhookConfiguration" -}}
seldon-validating-webhook-configuration-{{ include "radiant.namespace" . }}
{{- end }}

{{- define "radiant.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ include "radiant.namespace" . }}
{{- end }}

{{/* radiant.image joins the parts of an image: a list of its values and the chart. */}}
{{- define "radiant.image" -}}
{{- $image := index . 0 -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ default (index . 1) $image.repository }}:{{ default (index . 2) $image.tag }}
{{- end }}

{{/*
radiant.secrets divides rbac.secrets: names of Secrets that may be read
everywhere, and names by namespace. "*" is any name.
*/}}
{{- define "radiant.secrets" -}}
{{- $everywhere := list }}
{{- $namespaces := dict }}
{{- range splitList "," (default "*/*" .Values.rbac.secrets) }}
{{- $part := splitn "/" 2 (trim .) }}
{{- if eq $part._0 "*" }}
{{- $everywhere = append $everywhere $part._1 }}
{{- else if and (ne $part._0 "none") (or (not $.Values.singleNamespace) (eq $part._0 (include "radiant.namespace" $))) }}
{{- $_ := set $namespaces $part._0 (append (default list (get $namespaces $part._0)) $part._1) }}
{{- end }}
{{- end }}
{{- dict "everywhere" $everywhere "namespaces" $namespaces | toJson }}
{{- end }}
