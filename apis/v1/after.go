package v1

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/wording"
)

// +kubebuilder:object:generate=false

// JobName names a training job in the namespace of a deployment.
type JobName struct {
	// Kind is TFJob or MPIJob.
	Kind string
	Name string
}

// String is the job as annotations and command lines name it: tfjob/digits.
func (j JobName) String() string { return strings.ToLower(j.Kind) + "/" + j.Name }

// JobNames writes jobs as the annotation has them.
func JobNames(jobs []JobName) string {
	texts := make([]string, len(jobs))
	for i := range jobs {
		texts[i] = jobs[i].String()
	}
	return strings.Join(texts, ",")
}

// After are the jobs that have to succeed before the deployment is served: those of
// the annotation [AnnotationAfter] of a valid deployment.
func (d *SeldonDeployment) After() []JobName {
	value, ok := d.Annotation(AnnotationAfter)
	if !ok {
		return nil
	}
	var jobs []JobName
	for text := range strings.SplitSeq(value, ",") {
		kind, name, _ := strings.Cut(strings.TrimSpace(text), "/")
		if full, ok := jobKind(kind); ok {
			jobs = append(jobs, JobName{full, name})
		}
	}
	return jobs
}

// jobKinds are the kinds of jobs that deployments may wait for.
func jobKinds() []string { return []string{kubeflow.TFJobKind, kubeflow.MPIJobKind} }

// jobKind returns the kind that a name stands for, whatever its case.
func jobKind(name string) (string, bool) {
	kinds := jobKinds()
	i := slices.IndexFunc(kinds, func(kind string) bool { return strings.EqualFold(kind, name) })
	if i < 0 {
		return "", false
	}
	return kinds[i], true
}

// after checks the names of the jobs that a deployment waits for.
func (v *validator) after(at, value string) {
	kinds := jobKinds()
	for i := range kinds {
		kinds[i] = strings.ToLower(kinds[i])
	}
	for text := range strings.SplitSeq(value, ",") {
		text = strings.TrimSpace(text)
		kind, name, ok := strings.Cut(text, "/")
		switch _, known := jobKind(kind); {
		case text == "":
			v.errorf(at, "names no job between its commas; write %s/NAME or %s/NAME", kinds[0], kinds[1])
		case !ok:
			v.errorf(at, "%[1]q does not say of which kind the job is; write %[2]s/%[1]s or %[3]s/%[1]s", text, kinds[0], kinds[1])
		case !known:
			v.errorf(at, "%q: nothing is known of jobs of the kind %q%s", text, kind, wording.OneOf(strings.ToLower(kind), kinds))
		default:
			v.syntax(at, "name of a job", name, validation.IsDNS1035Label(name))
		}
	}
}
