{{- define "promptlode.labels" -}}
app.kubernetes.io/name: promptlode
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "promptlode.pod" -}}
securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
automountServiceAccountToken: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
volumes: [{name: tmp, emptyDir: {}}]
containers:
  - name: {{ .process }}
    image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: [{{ .process }}]
    securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: tmp, mountPath: /tmp}]
    envFrom: [{secretRef: {name: {{ required "existingSecret: name a Secret with DATABASE_URL, REDIS_URL and SECRET_KEY" .root.Values.existingSecret | quote }}}}]
    {{- with .root.Values.settings }}
    env:
      {{- range $name, $value := . }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
      {{- end }}
    {{- end }}
    resources: {{ toJson .resources }}
    {{- if eq .process "web" }}
    ports: [{name: http, containerPort: 8000}]
    startupProbe: {httpGet: {path: /healthz, port: http}, failureThreshold: 60, periodSeconds: 1}
    livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 5}
    readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5, timeoutSeconds: 5}
    {{- end }}
{{- end }}
