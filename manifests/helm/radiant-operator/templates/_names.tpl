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
