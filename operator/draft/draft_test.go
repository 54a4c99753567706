package draft

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/manifests"
)

// TestFindABento: what a Bento holds is its own, and is no other model beside it.
func TestFindABento(t *testing.T) {
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	bento := fstest.MapFS{
		"bento.yaml":       {Data: []byte("name: irises\n")},
		"model.joblib":     {},
		"src/model.joblib": {},
		"src/model.onnx":   {},
		"apis/schema.json": {Data: []byte(`{"routes":[{"name":"rate","route":"/rate"},{"name":"ask","route":"/ask"}]}`)},
	}
	for _, folder := range []string{".", "model"} {
		files := fstest.MapFS{}
		for name, file := range bento {
			if folder != "." {
				name = folder + "/" + name
			}
			files[name] = file
		}
		got, err := Find(files, servers)
		if err != nil {
			t.Fatalf("in %s: %v", folder, err)
		}
		want := Model{
			Folder: folder, File: "bento.yaml", Server: "BENTOML_SERVER",
			Parameters: []Parameter{{"api_name", "ask"}}, Remark: "api_name is one of ask or rate.",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", folder, diff)
		}
	}
}
