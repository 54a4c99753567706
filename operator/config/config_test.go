package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestParseEmptyIsDefault(t *testing.T) {
	got, err := Parse(lookup(map[string]string{"EXECUTOR_SERVER_PORT": ""}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	c, err := Parse(lookup(map[string]string{
		"EXECUTOR_CONTAINER_IMAGE_AND_VERSION": "a/executor:1",
		"RELATED_IMAGE_EXECUTOR":               "b/executor:2",
		"EXECUTOR_SERVER_PORT":                 "8001",
		"ENGINE_SERVER_GRPC_PORT":              "5002",
		"EXECUTOR_CONTAINER_USER":              "8888",
		"EXECUTOR_DEFAULT_MEMORY_LIMIT":        "1Gi",
		"KEDA_ENABLED":                         "true",
		"RELATED_IMAGE_TENSORFLOW":             "mirror/serving:2.20.0-gpu",
	}))
	if err != nil {
		t.Fatal(err)
	}
	x := c.Expand.Executor
	if x.Image != "b/executor:2" {
		t.Errorf("image is %s, want that of RELATED_IMAGE_EXECUTOR", x.Image)
	}
	if want := (expand.Ports{HTTP: 8001, GRPC: 5001}); x.Ports != want {
		t.Errorf("ports are %v, want %v", x.Ports, want)
	}
	if want := (expand.Ports{HTTP: 8001, GRPC: 5002}); x.ServicePorts != want {
		t.Errorf("service ports are %v, want %v", x.ServicePorts, want)
	}
	if x.User == nil || *x.User != 8888 {
		t.Errorf("user is %v, want 8888", x.User)
	}
	if q := x.Resources.Limits[corev1.ResourceMemory]; q.String() != "1Gi" {
		t.Errorf("memory limit is %s, want 1Gi", q.String())
	}
	if !c.Expand.KEDA {
		t.Error("KEDA is off")
	}
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Servers(servers).Servers["TENSORFLOW_SERVER"].Image; got != "mirror/serving:2.20.0-gpu" {
		t.Errorf("image of TENSORFLOW_SERVER is %s", got)
	}
	if got := servers.Servers["TENSORFLOW_SERVER"].Image; got == "mirror/serving:2.20.0-gpu" {
		t.Error("Servers changed its argument")
	}
}

func TestParseReportsAllBadValues(t *testing.T) {
	_, err := Parse(lookup(map[string]string{
		"EXECUTOR_SERVER_PORT":                     "80000",
		"DEFAULT_USER_ID":                          "root",
		"EXECUTOR_DEFAULT_CPU_LIMIT":               "lots",
		"EXECUTOR_REQUEST_LOGGER_WORK_QUEUE_SIZE":  "-1",
		"DEPLOYMENT_NAME_AS_PREFIX":                "maybe",
		"EXECUTOR_REQUEST_LOGGER_WRITE_TIMEOUT_MS": "2s",
		"CREDENTIAL_SECRETS":                       "a/b,keys",
	}))
	if err == nil {
		t.Fatal("bad values were accepted")
	}
	for _, want := range []string{
		`EXECUTOR_SERVER_PORT: "80000" is not a port number`,
		`DEFAULT_USER_ID: "root" is not a user id`,
		`EXECUTOR_DEFAULT_CPU_LIMIT: "lots" is not a quantity`,
		`WORK_QUEUE_SIZE: "-1" is not a whole number`,
		`DEPLOYMENT_NAME_AS_PREFIX: "maybe" is neither true nor false`,
		`WRITE_TIMEOUT_MS: "2s" is not a whole number`,
		`CREDENTIAL_SECRETS: "keys" is not NAMESPACE/NAME of a Secret`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestSettingsAreDocumented(t *testing.T) {
	c := Default()
	seen := map[string]bool{}
	for _, s := range c.Settings() {
		if s.Doc == "" {
			t.Errorf("%s has no description", s.Variable)
		}
		if seen[s.Variable] {
			t.Errorf("%s is listed twice", s.Variable)
		}
		seen[s.Variable] = true
	}
	if !seen["EXECUTOR_SERVER_PORT"] {
		t.Error("EXECUTOR_SERVER_PORT is not listed")
	}
}
