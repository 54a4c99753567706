//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A request that fails is found by nothing but its id in the log of the executor
// of its pod; a deployment whose model does not come up says so in its status.
func TestOnCall(t *testing.T) {
	t.Parallel()
	const namespace = "on-call"
	w := newWorld(t, namespace)
	const image = "image: 'seldonio/mock_classifier_rest:1.3'"
	for _, c := range []struct{ puid, fields, body, reason string }{
		{"shape-1", "", `{"data":{"ndarray":[1,2]}}`, "declined"},
		{"broken-1", ", env: [{name: FAIL, value: 'true'}]", question, "refused"},
	} {
		w.applyText(oneContainer(image + c.fields))
		w.available("model")
		w.eventually(c.puid+" is found", func() error { return w.found(c.puid, c.body, c.reason) })
	}
	w.applyText(oneContainer(image + ", env: [{name: WORK, value: lots}]"))
	w.eventually("the status tells of a model that does not come up", func() error {
		return mentions(w.deployment("model").Status.Description, "container classifier")
	})
	w.delete("model")
}

// found sends a request that fails, and looks for its line.
func (w *world) found(puid, body, reason string) error {
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://"+gatewayREST()+"/seldon/"+w.namespace+"/model/api/v1.0/predictions", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Seldon-Puid": {puid}}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	log, err := w.tryKubectl("logs", "-l", podsOf("model"), "-c", "seldon-container-engine", "--tail=1000")
	if err != nil {
		return fmt.Errorf("%w: %s", err, log)
	}
	for line := range strings.Lines(log) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil || fields["puid"] != puid {
			continue
		}
		if fields["msg"] == "request failed" && fields["node"] == "classifier" && fields["reason"] == reason {
			return nil
		}
		return fmt.Errorf("status %d, and the line %s", answer.StatusCode, line)
	}
	return fmt.Errorf("status %d, and no line of %s", answer.StatusCode, puid)
}
