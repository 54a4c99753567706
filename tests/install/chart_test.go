package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
)

// TestValuesBecomeSettings gives each value of the chart something to carry,
// and reads what arrives as the operator does.
func TestValuesBecomeSettings(t *testing.T) {
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, append(waysValues(t), []byte(`
controllerId: blue
defaultUserID: "8888"
keda: {enabled: true}
podSecurity: {standard: none, user: 0}
certMountPath: /tls/
networkPolicy: {enabled: true, from: monitoring}
rbac: {secrets: "models/store"}
manager:
  deploymentNameAsPrefix: true
  env: {RELATED_IMAGE_EXPLAINER_V2: mirror/explain:2}
executor:
  image: {registry: mirror.example/, tag: 1.2.3, pullPolicy: Always}
  port: 8001
  grpcPort: 5002
  metricsPortName: numbers
  prometheus: {path: /metrics}
  serviceAccountName: walker
  user: 1000000
  fullHealthChecks: true
  shutdownDelaySeconds: 77
  callTimeoutMs: 1500
  resources: {cpuLimit: 1, cpuRequest: 250m, memoryLimit: 1Gi, memoryRequest: 256Mi}
  requestLogger: {defaultEndpoint: "http://broker", workQueueSize: 1000000, writeTimeoutMs: 1}
predictiveUnit: {httpPort: 9100, grpcPort: 9600, metricsPort: 6100, metricsPortName: stats, preStop: shell, defaultEnvSecretRefName: store}
predictor_servers:
  MY_SERVER: {protocols: {v2: {image: mine/server, defaultImageVersion: "7"}}}
storageInitializer: {image: mine/fetch:1, cpuLimit: 2, cpuRequest: 1, memoryLimit: 2Gi, memoryRequest: 1Gi, imageVolumes: auto}
explainer: {image: mine/explain:1}
activator: {enabled: false}
credentials: {s3: {s3AccessKeyIDName: id, s3SecretAccessKeyName: secret}, gcs: {gcsCredentialFileName: key.json}}
`)...), 0o644); err != nil {
		t.Fatal(err)
	}
	text, err := template(t, "-f", values)
	if err != nil {
		t.Fatal(err)
	}
	all := objects(t, text)
	env := map[string]string{}
	for _, e := range deployment(t, all).Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e.Value
	}
	c, err := config.Parse(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	var m corev1.ConfigMap
	body, err := json.Marshal(byName(all)["ConfigMap seldon-config"].Object)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.WithConfigMap(m.Data); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"POD_NAMESPACE": true, "CONTROLLER_ID": true}
	defaults := config.Default()
	unset := map[string]string{}
	for _, s := range defaults.Settings() {
		known[s.Variable] = true
		unset[s.Variable] = s.Value
	}
	for name, value := range env {
		if !known[name] {
			t.Errorf("the operator does not know %s", name)
		}
		if value == unset[name] && name != "POD_NAMESPACE" {
			t.Errorf("%s is %q with and without the values", name, value)
		}
	}
	// Images of servers are values of predictor_servers and of manager.env, and
	// the Services have the executor's ports.
	otherwise := regexp.MustCompile(`^(RELATED_IMAGE_.*|ENGINE_SERVER_(GRPC_)?PORT)$`)
	for name := range known {
		if _, ok := env[name]; !ok && !otherwise.MatchString(name) {
			t.Errorf("no value of the chart sets %s", name)
		}
	}
	if got := env["EXECUTOR_CONTAINER_IMAGE_AND_VERSION"]; got != "mirror.example/radiant/executor:1.2.3" {
		t.Errorf("the executor's image is %s", got)
	}
	if got := env["EXECUTOR_CONTAINER_USER"]; got != "1000000" {
		t.Errorf("the executor's user is %s", got)
	}
	if got := c.Expand.Storage.Image; got != "mine/fetch:1" {
		t.Errorf("the image that fetches models is %s", got)
	}
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Servers(servers).Servers["MY_SERVER"]; !ok {
		t.Error("the server of the values is not there")
	}
}

// waysValues are values for all ways into the cluster, none of them a default.
func waysValues(t *testing.T) []byte {
	t.Helper()
	all := map[string]map[string]any{}
	for _, w := range expand.Ways() {
		for _, s := range w.Settings {
			var value any = "infra/other"
			for _, word := range s.Words {
				if word != s.Default {
					value = word
				}
			}
			if s.IsFlag() {
				value = true
			}
			section, name, _ := strings.Cut(s.Value, ".")
			if all[section] == nil {
				all[section] = map[string]any{}
			}
			all[section][name] = value
		}
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryValueIsInTheSchema compares the chart's values with its schema: each
// is described, so that a misspelt one is refused.
func TestEveryValueIsInTheSchema(t *testing.T) {
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	var values map[string]any
	for name, to := range map[string]any{"values.schema.json": &schema, "values.yaml": &values} {
		text, err := os.ReadFile(filepath.Join(chart, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	compareWithSchema(t, "", values, schema.Properties)
}

func compareWithSchema(t *testing.T, path string, values, properties map[string]any) {
	for name, value := range values {
		described, ok := properties[name].(map[string]any)
		if !ok {
			t.Errorf("%s%s is not in the schema", path, name)
			continue
		}
		inner, isMap := value.(map[string]any)
		if properties, ok := described["properties"].(map[string]any); ok && isMap {
			compareWithSchema(t, path+name+".", inner, properties)
		}
	}
}

func TestBadValuesAreRefused(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"executor.prot=8001", "'prot' not allowed"},
		{"executor.port=high", "/executor/port"},
		{"webhook.failurePolicy=Sometimes", "/webhook/failurePolicy"},
		{"rbac.secrets=keys", "/rbac/secrets"},
		{"image.repository=seldonio/seldon-core-operator", "an image of Seldon Core"},
		{"executor.image.repository=seldonio/seldon-core-executor", "an image of Seldon Core"},
		{"certManager.enabled=true", "has no use without webhook.enabled"},
		{"training.enabled=true,singleNamespace=true", "needs the rights of a whole cluster"},
	} {
		if _, err := template(t, "--set", c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", c.set, err, c.want)
		}
	}
}

// TestModes renders the ways of running that change more than settings.
func TestModes(t *testing.T) {
	for _, c := range []struct {
		name, set string
		// with and without are objects; args are the operator's.
		with, without []string
		args          []string
	}{
		{
			name: "one namespace", set: "singleNamespace=true",
			with:    []string{"Role seldon-manager-role", "RoleBinding seldon-manager-rolebinding"},
			without: []string{"ClusterRole seldon-manager-role-seldon-system"},
			args:    []string{"--namespace=seldon-system"},
		},
		{
			name: "another namespace", set: "namespaceOverride=ml,webhook.enabled=true",
			with: []string{"ClusterRole seldon-manager-role-ml", "ValidatingWebhookConfiguration seldon-validating-webhook-configuration-ml"},
			args: []string{"--webhook-port=4443"},
		},
		{
			name: "certificates of cert-manager", set: "webhook.enabled=true,certManager.enabled=true,webhook.port=9443",
			with:    []string{"Certificate seldon-serving-cert", "Issuer seldon-selfsigned-issuer"},
			without: []string{"Secret seldon-webhook-server-cert"},
			args:    []string{"--webhook-port=9443"},
		},
		{
			name: "what others made", set: "crd.create=false,rbac.create=false,serviceAccount.create=false",
			without: []string{
				"CustomResourceDefinition seldondeployments.machinelearning.seldon.io", "ServiceAccount seldon-manager",
				"ClusterRole seldon-manager-role-seldon-system", "Role seldon-manager-home-role",
			},
		},
		{
			name: "leader election", set: "manager.leaderElectionID=mine,manager.leaderElectionLeaseDurationSecs=30,manager.logLevel=DEBUG",
			args: []string{"--leader-election-id=mine", "--leader-election-lease-duration-secs=30", "--log-level=DEBUG"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := template(t, "--set", c.set)
			if err != nil {
				t.Fatal(err)
			}
			all := objects(t, text)
			named := byName(all)
			for _, name := range c.with {
				if named[name] == nil {
					t.Errorf("there is no %s", name)
				}
			}
			for _, name := range c.without {
				if named[name] != nil {
					t.Errorf("there is a %s", name)
				}
			}
			args := slices.Clone(deployment(t, all).Spec.Template.Spec.Containers[0].Args)
			args = slices.DeleteFunc(args, func(a string) bool { return a == "manager" || a == "--enable-leader-election" })
			if diff := cmp.Diff(c.args, args, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDefinitionStays holds that an uninstalled release takes no deployments
// with it.
func TestDefinitionStays(t *testing.T) {
	text, err := template(t, "--set", "crd.annotations.team=a")
	if err != nil {
		t.Fatal(err)
	}
	crd := byName(objects(t, text))["CustomResourceDefinition seldondeployments.machinelearning.seldon.io"]
	want := map[string]string{"helm.sh/resource-policy": "keep", "team": "a"}
	for key, value := range want {
		if got := crd.GetAnnotations()[key]; got != value {
			t.Errorf("annotation %s of the definition is %q, want %q", key, got, value)
		}
	}
}
