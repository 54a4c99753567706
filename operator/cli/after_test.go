package cli

import (
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// TestUnawaited: a deployment that names a job of the files trains first and is served
// then, without a word; one that names another is warned of, with the line.
func TestUnawaited(t *testing.T) {
	const job = "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: digits}\nspec: {tfReplicaSpecs: {Worker: {template: {spec: {containers: [{name: tensorflow, image: i}]}}}}}\n---\n"
	const deployment = `apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata:
  name: d
  annotations: {radiant.io/after: "tfjob/digits, mpijob/digits"}
spec: {predictors: [{name: p, graph: {name: m, implementation: SIMPLE_MODEL}}]}
`
	all, _, err := readObjects(input{jobs: kubeflow.ManifestKinds(), paths: []string{stdinName}, stdin: strings.NewReader(job + deployment)})
	if err != nil {
		t.Fatal(err)
	}
	problems := unawaited(all)
	if len(problems) != 1 {
		t.Fatalf("it says %v", problems)
	}
	p := problems[0]
	if p.Line != 10 || p.Message != "mpijob/digits is in none of the files, so nothing is waited for here" {
		t.Errorf("it says %v", p.Error())
	}
}
