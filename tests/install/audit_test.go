package install

import (
	"bufio"
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// right is one verb on one resource, such as patch on deployments.apps or on
// seldondeployments/status.machinelearning.seldon.io.
type right struct{ verb, resource string }

// request is a line of the audit log, as far as it matters.
type request struct {
	Verb, RequestURI string
	ImpersonatedUser struct{ Username string }
	ObjectRef        *struct{ APIGroup, Resource, Subresource string }
	ResponseStatus   struct {
		Code    int
		Message string
	}
}

func (r request) right() right {
	o := r.ObjectRef
	resource := o.Resource
	if o.Subresource != "" {
		resource += "/" + o.Subresource
	}
	return right{r.Verb, resource + "." + o.APIGroup}
}

// requests are those of the operator.
func requests(t *testing.T, audit string) []request {
	t.Helper()
	file, err := os.Open(audit)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []request
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // The last line may be half written.
		}
		if r.ImpersonatedUser.Username == account && r.ObjectRef != nil && r.ObjectRef.Resource != "" {
			all = append(all, r)
		}
	}
	return all
}

// used are the rights that the operator made use of. Applying what is not
// there takes the right to create, though the request is a patch.
func used(all []request) map[right]bool {
	found := map[right]bool{}
	for _, r := range all {
		found[r.right()] = true
		if r.Verb == "patch" && r.ResponseStatus.Code == 201 {
			found[right{"create", r.right().resource}] = true
		}
	}
	return found
}

// granted are the rights of all roles among the objects.
func granted(t *testing.T, all []*unstructured.Unstructured) []right {
	t.Helper()
	var rights []right
	for _, o := range all {
		if !strings.HasSuffix(o.GetKind(), "Role") {
			continue
		}
		var role rbacv1.ClusterRole
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
			t.Fatal(err)
		}
		for _, rule := range role.Rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						rights = append(rights, right{verb, resource + "." + group})
					}
				}
			}
		}
	}
	slices.SortFunc(rights, func(a, b right) int { return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.verb, b.verb)) })
	return slices.Compact(rights)
}
