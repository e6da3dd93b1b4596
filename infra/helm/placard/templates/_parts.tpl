{{- define "placard.labels" -}}
app.kubernetes.io/name: placard
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
placard/region: {{ .Values.region | quote }}
{{- end }}

{{- define "placard.selector" -}}
app.kubernetes.io/name: placard
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* An image by its digest where there is one, else by its tag. */}}
{{- define "placard.image" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ required "an image needs a tag or a digest" .tag }}
{{- end -}}
{{- end }}

{{- define "placard.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "placard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Environment of every process: settings, and what is secret by reference. */}}
{{- define "placard.environment" -}}
- name: PLACARD_HOME
  value: /var/lib/placard
- name: PLACARD_CONSENT_WHEN_ABSENT
  value: {{ required "consentWhenAbsent: say given or refused for requests without consent" .Values.consentWhenAbsent | quote }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: PLACARD_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secrets.name }}
      key: {{ .Values.secrets.redisUrl }}
{{- if .Values.secrets.profilesRedisUrl }}
- name: PLACARD_PROFILES_REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secrets.name }}
      key: {{ .Values.secrets.profilesRedisUrl }}
{{- end }}
{{- end }}

{{/* The container of one verb of the factory. Given: root, name, words, resources; daysBack where the verb takes a day. */}}
{{- define "placard.verb" -}}
- name: {{ .name }}
  image: {{ include "placard.image" .root.Values.images.platform | quote }}
  imagePullPolicy: {{ .root.Values.images.pullPolicy }}
  securityContext:
    {{- include "placard.containerSecurity" . | nindent 4 }}
  {{- if .daysBack }}
  # DAY, where it is set, is another day: for a job that a person makes from this one.
  command: ["sh", "-c", 'exec placard "$@" --partition "${DAY:-$(date --utc --date "{{ .daysBack }} days ago" +%F)}"', "placard"]
  {{- end }}
  args: {{ splitList " " .words | toJson }}
  env:
    {{- include "placard.environment" .root | nindent 4 }}
    - name: PLACARD_MLFLOW_URI
      valueFrom:
        secretKeyRef:
          name: {{ .root.Values.secrets.name }}
          key: {{ .root.Values.secrets.mlflowUri }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    - name: state
      mountPath: /var/lib/placard
    - name: tmp
      mountPath: /tmp
{{- end }}

{{/* The volumes of a pod of the factory. */}}
{{- define "placard.volumes" -}}
- name: state
  persistentVolumeClaim:
    claimName: {{ .Values.state.claim }}
- name: tmp
  emptyDir: {}
{{- end }}
