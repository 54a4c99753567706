//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/cases"
	"github.com/prime-radiant/radiant/tests/stores"
)

// The samples of MLServer answer in pods as they do on a laptop; only the
// place of their models is another.
func TestModelServers(t *testing.T) {
	w := newWorld(t, "default")
	w.models(map[string]stores.Files{"samples": together(
		stores.Folder(t, "../../samples/iris-sklearn/model", "iris-sklearn/model/"),
		stores.Folder(t, "../../samples/iris-xgboost/model", "iris-xgboost/model/"),
	)})
	for _, name := range []string{"iris-sklearn", "iris-xgboost"} {
		dir := "../../samples/" + name
		w.applyText(strings.ReplaceAll(read(t, dir+"/"+name+".yaml"), "modelUri: ./", "modelUri: gs://samples/"+name+"/"))
		w.available(name)
		suite, err := cases.Read(dir + "/case.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range suite.Cases[0].Requests {
			w.eventually(name+": "+r.Name, func() error { return cases.Run(gatewayOf(r), dir, r) })
		}
		w.delete(name)
	}
}

func gatewayOf(r cases.Request) string {
	if r.Transport == "grpc" {
		return gatewayGRPC
	}
	return gatewayREST
}

func together(all ...stores.Files) stores.Files {
	merged := stores.Files{}
	for _, files := range all {
		for name, content := range files {
			merged[name] = content
		}
	}
	return merged
}
