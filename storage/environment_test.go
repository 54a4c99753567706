package storage

import (
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/setting"
	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/azure"
	"github.com/prime-radiant/radiant/storage/gcs"
	"github.com/prime-radiant/radiant/storage/hub"
	"github.com/prime-radiant/radiant/storage/registry"
	"github.com/prime-radiant/radiant/storage/s3"
)

// TestEachVariableIsInTheTable: whatever a store asks of the environment has a
// row, and each row is asked for.
func TestEachVariableIsInTheTable(t *testing.T) {
	asked := map[string]bool{}
	lookup := func(name string) (string, bool) {
		asked[name] = true
		return map[string]string{"HF_HUB_OFFLINE": "1"}[name], name == "HF_HUB_OFFLINE"
	}
	a := access.Access{Lookup: lookup}
	s3.FromEnvironment(a)
	gcs.FromEnvironment(a)
	if _, err := azure.FromEnvironment(a); err != nil {
		t.Error(err)
	}
	if _, err := hub.Open(t.Context(), "hf://a/b", a); err != nil {
		t.Error(err)
	}
	if _, err := hub.Kept("hf://a/b", a); err == nil {
		t.Error("a model is there that nobody fetched")
	}
	if _, err := registry.Open(t.Context(), "oci://example.com/a:b", a); err != nil {
		t.Error(err)
	}
	if _, err := FromEnvironment(lookup); err != nil {
		t.Error(err)
	}
	for _, s := range Settings() {
		if !asked[s.Variable] && !strings.HasSuffix(s.Variable, "_PROXY") { // Those are read by net/http.
			t.Errorf("%s is in the table and is not read", s.Variable)
		}
		delete(asked, s.Variable)
	}
	for _, usual := range []string{"HOME", "XDG_CACHE_HOME"} {
		delete(asked, usual)
	}
	for name := range asked {
		t.Errorf("%s is read and has no row in the table", name)
	}
}

func TestInForceHidesSecrets(t *testing.T) {
	var out strings.Builder
	if err := setting.Print(&out, InForce(func(name string) (string, bool) { return "value-of-" + name, true })); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_SAS_TOKEN",
		"AZURE_STORAGE_CONNECTION_STRING", "AZURE_CLIENT_SECRET", "AZ_CLIENT_SECRET", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HTTPS_PROXY", "HTTP_PROXY"} {
		if !strings.Contains(out.String(), "\n"+name+"=(hidden)  # ") || strings.Contains(out.String(), "value-of-"+name+" ") {
			t.Errorf("%s is shown", name)
		}
	}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_REGION", "HF_TOKEN_PATH", "AZURE_FEDERATED_TOKEN_FILE", StreamsVariable} {
		if !strings.Contains(out.String(), "\n"+name+"=value-of-"+name+"  # ") {
			t.Errorf("%s is not shown:\n%s", name, out.String())
		}
	}
}
