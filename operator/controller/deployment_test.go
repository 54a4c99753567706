package controller

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// TestCheckKnowsThePortsOfTheInstallation: the status warns of a port that has
// no effect, by the numbers that are in force.
func TestCheckKnowsThePortsOfTheInstallation(t *testing.T) {
	object := parsed(t, `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: m}
spec: {predictors: [{name: p, graph: {name: m, endpoint: {httpPort: 9100}}, componentSpecs: [{spec: {containers: [{name: m, image: i}]}}]}]}
`)
	for port, warns := range map[int32]bool{9100: false, v1.UnitHTTPPort: true} {
		s := &InForce{Config: expand.DefaultConfig()}
		s.Config.Units.Ports.HTTP = port
		_, problems, err := check(&unstructured.Unstructured{Object: object}, s)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(problems.Error(), "9100 has no effect"); got != warns {
			t.Errorf("containers from %d: %v", port, problems)
		}
	}
}
