//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// rents is the sample of versions on a cluster.
func rents(t *testing.T) string {
	return strings.Replace(read(t, "../../samples/versions/versions.yaml"), "./model", "gs://models/rents", 1)
}

// versionOf says which version of the sample answers; the question fits those of the
// share.
func (w *world) versionOf(question string) (string, error) {
	url := fmt.Sprintf("http://%s/seldon/%s/rents/api/v1.0/predictions", gatewayREST(), w.namespace)
	response, err := http.Post(url, "application/json", strings.NewReader(question))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	return response.Header.Get("Seldon-Model-Version"), err
}

// Going back to another version is an edit: the pod that runs answers by it, and
// neither a pod nor a ReplicaSet is made.
func TestGoingBackToAVersion(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "versions")
	w.models(map[string]stores.Files{"models": stores.Folder(t, "../../samples/versions/model", "rents/")})
	w.applyText(rents(t))
	w.available("rents")
	question := read(t, "../../samples/versions/request.json")
	shares := func(stable, canary int) time.Time {
		w.kubectl("patch", "sdep", "rents", "--type=json", "--patch",
			fmt.Sprintf(`[{"op": "replace", "path": "/spec/predictors/0/graph/versionTraffic", "value": {"stable": %d, "canary": %d}}]`, stable, canary))
		return time.Now()
	}
	// answers returns since when a version answers.
	answers := func(version string) (since time.Time) {
		t.Helper()
		w.eventually("version "+version+" answers", func() error {
			since = time.Now()
			for range 20 { // One alone may be by chance.
				switch got, err := w.versionOf(question); {
				case err != nil:
					return err
				case got != "rents="+version:
					return fmt.Errorf("%s answers", got)
				}
			}
			return nil
		})
		return since
	}
	made := func() string {
		return w.kubectl("get", "pods,replicasets", "-l", "seldon-deployment-id=rents", "-o", "jsonpath={.items[*].metadata.uid}")
	}
	before := made()
	for _, version := range []string{"7", "3"} {
		moved := shares(100, 0)
		if version == "7" {
			moved = shares(0, 100)
		}
		t.Logf("version %s answers %.1f s after kubectl patch", version, answers(version).Sub(moved).Seconds())
	}
	if after := made(); after != before {
		t.Errorf("pods and ReplicaSets are %s, were %s", after, before)
	}
	w.delete("rents")
}
