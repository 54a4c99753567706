package install

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/expand"
)

// TestSecretsThatMayBeRead: the roles of the chart let the operator get those
// Secrets that it will ask for, and no others.
func TestSecretsThatMayBeRead(t *testing.T) {
	c := sharedCluster(t)
	asked := []struct{ namespace, name string }{{"models", "keys"}, {"models", "other"}, {"team", "keys"}, {"team", "shared"}, {"narrow", "other"}}
	for _, n := range []string{"narrow", "models", "team"} {
		err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n}})
		if client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		secrets, single string
		// may is yes or no for each of those that are asked for.
		may string
	}{
		{"", "false", "yyyyy"},
		{"none", "false", "nnnnn"},
		{"models/keys", "false", "ynnnn"},
		{"models/*, team/shared", "false", "yynyn"},
		{"*/keys,models/other", "false", "yyynn"},
		{"*/*", "true", "nnnny"},
		{"models/keys,narrow/keys", "true", "nnnnn"},
	} {
		t.Run(test.secrets+" "+test.single, func(t *testing.T) {
			text, err := template(t, "--set", "namespaceOverride=narrow,singleNamespace="+test.single,
				"--set-string", "rbac.secrets="+strings.ReplaceAll(test.secrets, ",", `\,`))
			if err != nil {
				t.Fatal(err)
			}
			rights := slices.DeleteFunc(objects(t, text), func(o *unstructured.Unstructured) bool {
				return o.GroupVersionKind().Group != "rbac.authorization.k8s.io"
			})
			c.apply(t, rights)
			defer func() {
				for _, o := range rights {
					if err := c.Delete(t.Context(), o); err != nil {
						t.Error(err)
					}
				}
			}()
			read := expand.CredentialsConfig{Secrets: test.secrets}
			for i, s := range asked {
				may := test.may[i] == 'y'
				until(t, "the rights", func() error { return c.mayGet(t.Context(), s.namespace, s.name, may) })
				if test.single == "false" && read.MayRead(s.namespace, s.name) != may {
					t.Errorf("the operator asks for %s/%s: %t", s.namespace, s.name, !may)
				}
			}
		})
	}
}

// mayGet reports whether the operator of the namespace narrow may get a Secret,
// as wanted.
func (c *cluster) mayGet(ctx context.Context, namespace, name string, want bool) error {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "system:serviceaccount:narrow:seldon-manager",
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Name: name, Verb: "get", Resource: "secrets", Version: "v1",
		},
	}}
	if err := c.Create(ctx, review); err != nil {
		return err
	}
	if review.Status.Allowed != want {
		return fmt.Errorf("getting %s/%s is allowed: %t", namespace, name, !want)
	}
	return nil
}
