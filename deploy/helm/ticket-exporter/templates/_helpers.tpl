{{- define "ticket-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- /* 52 characters: a StatefulSet puts a hash behind its name into a label of 63. */}}
{{- define "ticket-exporter.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "ticket-exporter.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "ticket-exporter.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "ticket-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ticket-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ticket-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ticket-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The gateway has a name of its own, so that no Service and no policy takes it for the exporter. It is the job of the alerts. */}}
{{- define "ticket-exporter.gatewaySelectorLabels" -}}
app.kubernetes.io/name: ticket-gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ticket-exporter.gatewayLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ticket-exporter.gatewaySelectorLabels" . }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The test pod has a name of its own, so that no Service, NetworkPolicy or budget takes it for the exporter. */}}
{{- define "ticket-exporter.testLabels" -}}
app.kubernetes.io/name: {{ include "ticket-exporter.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* On OpenShift the SecurityContextConstraints of the namespace choose user and groups, and refuse others. */}}
{{- define "ticket-exporter.podSecurityContext" -}}
{{- $context := .Values.podSecurityContext }}
{{- if .Values.openshift }}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" "supplementalGroups" }}
{{- end }}
{{- toYaml $context }}
{{- end }}

{{- /* annotations of an object: those of all, and its own. (list root own) */}}
{{- define "ticket-exporter.annotations" }}
{{- $root := index . 0 }}
{{- with mergeOverwrite (deepCopy $root.Values.commonAnnotations) (index . 1) }}
  annotations:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}

{{- define "ticket-exporter.image" -}}
{{- $repository := required "image.repository is required: where the image is that you built from deploy/docker/Dockerfile" .Values.image.repository }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" $repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "ticket-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "ticket-exporter.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "ticket-exporter.configMapName" -}}
{{- default (include "ticket-exporter.fullname" .) .Values.existingConfigMap }}
{{- end }}

{{- /* Where the web configuration is, empty where there is none. */}}
{{- define "ticket-exporter.webConfigFile" -}}
{{- if .Values.web.existingSecret }}
{{- printf "/etc/ticket-exporter/web/%s" .Values.web.key }}
{{- else if .Values.web.tlsSecret }}
{{- print "/etc/ticket-exporter/web/web.yml" }}
{{- end }}
{{- end }}

{{- /* The web configuration that the chart writes, for a certificate alone. */}}
{{- define "ticket-exporter.webConfig" -}}
tls_server_config:
  cert_file: /etc/ticket-exporter/tls/tls.crt
  key_file: /etc/ticket-exporter/tls/tls.key
  min_version: TLS12
{{- if .Values.web.requireClientCertificate }}
  client_ca_file: /etc/ticket-exporter/tls/ca.crt
  client_auth_type: RequireAndVerifyClientCert
{{- end }}
{{- end }}

{{- /* What all paths begin with: as the program finds it, without a / at its end. */}}
{{- define "ticket-exporter.prefix" -}}
{{- $prefix := .Values.web.routePrefix }}
{{- if and (not $prefix) .Values.web.externalUrl }}
{{- $prefix = get (urlParse .Values.web.externalUrl) "path" }}
{{- end }}
{{- trimSuffix "/" $prefix }}
{{- end }}

{{- define "ticket-exporter.scheme" -}}
{{- default (ternary "https" "http" (not (empty .Values.web.tlsSecret))) .Values.web.scheme }}
{{- end }}

{{- /* Whether those who ask may be asked for a password or a certificate. */}}
{{- define "ticket-exporter.guarded" -}}
{{- if or .Values.web.existingSecret .Values.web.requireClientCertificate }}yes{{ end }}
{{- end }}

{{- /* Flags of the readiness probe: none if the probe could not learn whether it is ready. */}}
{{- define "ticket-exporter.readyFlags" -}}
{{- $probes := .Values.probes }}
{{- if or $probes.passwordSecret $probes.certificateSecret (eq $probes.via "exec") (not (include "ticket-exporter.guarded" .)) }}
- --ready
{{- end }}
{{- if $probes.passwordSecret }}
- --username={{ required "probes.username is required beside probes.passwordSecret" $probes.username }}
- --password-file=/etc/ticket-exporter/probe-login/password
{{- end }}
{{- if $probes.certificateSecret }}
- --cert=/etc/ticket-exporter/probe-tls/tls.crt
- --key=/etc/ticket-exporter/probe-tls/tls.key
{{- end }}
{{- end }}

{{- /* How the kubelet asks: http, https or exec. */}}
{{- define "ticket-exporter.probeVia" -}}
{{- $via := .Values.probes.via }}
{{- if eq $via "auto" }}
{{- $via = ternary "exec" "http" (not (empty (include "ticket-exporter.guarded" .))) }}
{{- end }}
{{- if eq $via "http" }}
{{- $via = include "ticket-exporter.scheme" . }}
{{- end }}
{{- $via }}
{{- end }}

{{- /* One probe. (list root path settings) */}}
{{- define "ticket-exporter.probe" -}}
{{- $root := index . 0 }}
{{- $path := index . 1 }}
{{- $via := include "ticket-exporter.probeVia" $root }}
{{- if eq $via "exec" }}
exec:
  command:
    - /usr/bin/ticket-exporter
    - healthcheck
    {{- if eq $path "/-/ready" }}
    {{- include "ticket-exporter.readyFlags" $root | nindent 4 }}
    {{- end }}
    {{- with include "ticket-exporter.webConfigFile" $root }}
    - --web.config.file={{ . }}
    {{- end }}
{{- else }}
httpGet:
  path: {{ include "ticket-exporter.prefix" $root }}{{ $path }}
  port: http
  scheme: {{ upper $via }}
{{- end }}
{{ toYaml (index . 2) }}
{{- end }}

{{- /* What program and test have in common: how the program finds its settings. */}}
{{- define "ticket-exporter.environment" -}}
- name: TICKET_EXPORTER_CONFIG_FILE
  value: /etc/ticket-exporter/config/ticket-exporter.yaml
{{- with .Values.autoReloadInterval }}
- name: TICKET_EXPORTER_CONFIG_AUTO_RELOAD_INTERVAL
  value: {{ . | quote }}
{{- end }}
- name: TICKET_EXPORTER_CHECKPOINT_DIRECTORY
  value: /var/lib/ticket-exporter
- name: TICKET_EXPORTER_WEB_TELEMETRY_PATH
  value: {{ .Values.web.metricsPath | quote }}
{{- with .Values.web.externalUrl }}
- name: TICKET_EXPORTER_WEB_EXTERNAL_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.web.routePrefix }}
- name: TICKET_EXPORTER_WEB_ROUTE_PREFIX
  value: {{ . | quote }}
{{- end }}
- name: TICKET_EXPORTER_LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: TICKET_EXPORTER_LOG_FORMAT
  value: {{ .Values.logFormat | quote }}
{{- with .Values.groupId }}
- name: TICKET_EXPORTER_KAFKA_GROUP_ID
  value: {{ . | quote }}
{{- end }}
{{- range .Values.secrets.env }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
{{- end }}

{{- /* The rules of a NetworkPolicy for outgoing traffic. */}}
{{- define "ticket-exporter.egress" }}
  {{- if .Values.networkPolicy.restrictEgress }}
  egress:
    # DNS, for the names of brokers.
    - ports:
        - { port: 53, protocol: UDP }
        - { port: 53, protocol: TCP }
    {{- with .Values.networkPolicy.egress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}
