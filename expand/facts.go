package expand

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/graph"
)

// Facts are what the cluster knows and the deployment does not say. The zero
// value means that nothing is known; what depends on it is left out then.
type Facts struct {
	// Accounts are service accounts of the deployment's namespace by name, of
	// those that [Accounts] lists. One that does not exist is not in it.
	Accounts map[string]Account
	// WithoutPods are the predictors, by name, that no pod serves: others get
	// their share of the requests.
	WithoutPods map[string]bool
	// Starts says which versions of models servers start with, by the names of Deployments
	// and of nodes, as far as that was chosen.
	Starts map[string]map[string]discovery.Choice
}

// Account is a service account.
type Account struct {
	// Secrets are those that the account lists under "secrets", in its order.
	// One that does not exist is not in it, nor one that may not be read.
	Secrets []Secret
	// Unread are the names of those that may not be read.
	Unread []string
}

// Warnings says which Secrets open no model though a service account that
// somebody chose lists them, since the installation has them not read.
func (f *Facts) Warnings() v1.Problems {
	var all v1.Problems
	for _, name := range slices.Sorted(maps.Keys(f.Accounts)) {
		// The default account lists tokens and passwords of registries on some clusters.
		if unread := f.Accounts[name].Unread; len(unread) > 0 && name != defaultAccount {
			all = append(all, v1.Problem{Severity: v1.SeverityWarning, Path: "spec", Message: fmt.Sprintf(
				"the service account %s lists Secrets that the operator does not read, so that they open no model: %s; CREDENTIAL_SECRETS names those that it reads",
				name, strings.Join(unread, ", "))})
		}
	}
	return all
}

// Secret is what may be known of a Secret: no value of it.
type Secret struct {
	Name string
	// Keys are the names in its data.
	Keys []string
	// Annotations are those that say how a store is reached, such as
	// "machinelearning.seldon.io/s3-endpoint".
	Annotations map[string]string
}

// SecretFact reduces a Secret to what an expansion may know of it.
func SecretFact(s *corev1.Secret) Secret {
	fact := Secret{Name: s.Name, Keys: slices.Sorted(maps.Keys(s.Data))}
	for key, value := range s.Annotations {
		if _, ok := storeAnnotation(key); ok {
			if fact.Annotations == nil {
				fact.Annotations = map[string]string{}
			}
			fact.Annotations[key] = value
		}
	}
	return fact
}

// storeAnnotation returns the part of an annotation's name that says something
// about a store, such as "s3-endpoint".
func storeAnnotation(key string) (name string, ok bool) {
	for _, prefix := range storeAnnotationPrefixes() {
		if name, ok = strings.CutPrefix(key, prefix); ok && strings.HasPrefix(name, "s3-") {
			return name, true
		}
	}
	return "", false
}

// storeAnnotationPrefixes lists the groups of annotations on Secrets; the first
// one counts before the second.
func storeAnnotationPrefixes() []string {
	return []string{v1.Group + "/", "serving.kubeflow.org/"}
}

// defaultAccount is the account of pods that name none.
const defaultAccount = "default"

// Accounts lists the service accounts, sorted, whose Secrets may open the
// stores of d's models: those that [Facts] should know. It is empty where
// nothing is fetched.
func Accounts(d *v1.SeldonDeployment) []string {
	names := map[string]bool{}
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		fetches := false
		p.Graph.Walk(func(_ string, n *graph.Node) {
			if n.ModelURI == "" {
				return
			}
			fetches = true
			names[n.ServiceAccountName] = true
		})
		if fetches {
			for j := range p.ComponentSpecs {
				names[p.ComponentSpecs[j].Spec.ServiceAccountName] = true
			}
		}
		if e := p.Explainer; e != nil && e.Type != "" && e.ModelURI != "" {
			names[e.ServiceAccountName] = true
		}
	}
	if len(names) > 0 { // Some pod may name none.
		delete(names, "")
		names[defaultAccount] = true
	}
	return slices.Sorted(maps.Keys(names))
}
