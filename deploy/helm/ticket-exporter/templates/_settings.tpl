{{- /* The files that the program reads: configuration, web configuration, certificates, secrets. */}}
{{- define "ticket-exporter.settingMounts" -}}
- name: config
  mountPath: /etc/ticket-exporter/config
  readOnly: true
{{- if include "ticket-exporter.webConfigFile" . }}
- name: web
  mountPath: /etc/ticket-exporter/web
  readOnly: true
{{- end }}
{{- if .Values.web.tlsSecret }}
- name: tls
  mountPath: /etc/ticket-exporter/tls
  readOnly: true
{{- end }}
{{- if .Values.probes.passwordSecret }}
- name: probe-login
  mountPath: /etc/ticket-exporter/probe-login
  readOnly: true
{{- end }}
{{- if .Values.probes.certificateSecret }}
- name: probe-tls
  mountPath: /etc/ticket-exporter/probe-tls
  readOnly: true
{{- end }}
{{- range $index, $secret := .Values.secrets.files }}
- name: secret-{{ $index }}
  mountPath: /etc/ticket-exporter/secrets/{{ default $secret.name $secret.path }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "ticket-exporter.settingVolumes" -}}
- name: config
  {{- if .Values.existingConfigSecret }}
  secret:
    secretName: {{ .Values.existingConfigSecret }}
    defaultMode: 0440
  {{- else }}
  configMap:
    name: {{ include "ticket-exporter.configMapName" . }}
  {{- end }}
{{- if .Values.web.existingSecret }}
- name: web
  secret:
    secretName: {{ .Values.web.existingSecret }}
    defaultMode: 0440
{{- else if .Values.web.tlsSecret }}
- name: web
  configMap:
    name: {{ include "ticket-exporter.fullname" . }}-web
{{- end }}
{{- if .Values.web.tlsSecret }}
- name: tls
  secret:
    secretName: {{ .Values.web.tlsSecret }}
    defaultMode: 0440
{{- end }}
{{- with .Values.probes.passwordSecret }}
- name: probe-login
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- with .Values.probes.certificateSecret }}
- name: probe-tls
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- range $index, $secret := .Values.secrets.files }}
- name: secret-{{ $index }}
  secret:
    secretName: {{ $secret.name }}
    defaultMode: 0440
{{- end }}
{{- end }}
