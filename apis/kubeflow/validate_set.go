package kubeflow

import (
	"cmp"
	"fmt"

	"github.com/prime-radiant/radiant/apis/manifest"
)

// ValidateSet finds jobs of one name among several. They may not be of two kinds
// either, since pods are named after the job and what both kinds call a worker.
func ValidateSet(docs []Document) manifest.Problems {
	var problems manifest.Problems
	seen := map[string]int{}
	for i := range docs {
		d := &docs[i]
		if d.Job.GetName() == "" {
			continue
		}
		name := cmp.Or(d.Job.GetNamespace(), DefaultNamespace) + "/" + d.Job.GetName()
		first, ok := seen[name]
		if !ok {
			seen[name] = i
			continue
		}
		line, _ := docs[first].Position("metadata.name")
		problems = append(problems, d.Locate(manifest.Problems{{Severity: manifest.SeverityError, Path: "metadata.name",
			Message: fmt.Sprintf("the %s in %s:%d is called %s too, and so would be its pods; rename one of them",
				docs[first].Kind, cmp.Or(docs[first].File, "the input"), line, name)}})...)
	}
	return problems
}
