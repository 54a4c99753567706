package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// Deployment is where the requests of one deployment go.
type Deployment struct {
	Namespace, Name string
	Protocol        string
	// Shares are the predictors that answer, with their weights.
	Shares []Share
	// Shadow, if not nil, gets copies of Percent of the requests.
	Shadow  *Backend
	Percent int
	// Why tells what keeps predictors from being ready, a part for each container;
	// nil: that is not known.
	Why func() string
}

// Share is a predictor that answers, and its part of the sum of all weights.
type Share struct {
	Backend *Backend
	Weight  int
}

// pick chooses the predictor that answers a request. random(n) is a number
// from 0 to n-1.
func (r *Deployment) pick(random func(n int) int) *Backend {
	total := 0
	for _, s := range r.Shares {
		total += s.Weight
	}
	if len(r.Shares) == 0 {
		return nil
	}
	if total == 0 {
		return r.Shares[0].Backend
	}
	n := random(total)
	for _, s := range r.Shares {
		if n -= s.Weight; n < 0 {
			return s.Backend
		}
	}
	return r.Shares[len(r.Shares)-1].Backend
}

// choose returns the predictor for a request: the one that it names, if it
// names one; of those that answer the first, if it asks about the deployment;
// or else one by weight. It is nil where none answers yet, and an error where
// none has the name.
func (r *Deployment) choose(named string, about bool, random func(n int) int) (*Backend, error) {
	switch {
	case named != "":
		return r.named(named)
	case about && len(r.Shares) > 0:
		return r.Shares[0].Backend, nil
	}
	return r.pick(random), nil
}

// named finds a predictor, of those that answer and the shadow.
func (r *Deployment) named(name string) (*Backend, error) {
	var all []string
	for _, b := range r.backends() {
		if b.predictor == name {
			return b, nil
		}
		all = append(all, b.predictor)
	}
	return nil, fmt.Errorf("deployment %s/%s has no predictor %q, which the header %s names; it has %s",
		r.Namespace, r.Name, name, v1.HeaderPredictor, strings.Join(all, ", "))
}

// backends are those of all predictors, the shadow's last.
func (r *Deployment) backends() []*Backend {
	var all []*Backend
	for _, s := range r.Shares {
		all = append(all, s.Backend)
	}
	if r.Shadow != nil {
		all = append(all, r.Shadow)
	}
	return all
}

// isAbout reports whether a path, without the deployment's prefix, is that of a
// page, of metadata or of metrics. These say something of one predictor, and
// belong together: a page and its document, metadata and the requests that a
// client makes by it.
func (r *Deployment) isAbout(path string) bool {
	if len(r.Shares) > 0 && path == r.Shares[0].Backend.at.Metrics {
		return true
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		return parts[2] == "doc" || parts[2] == "metadata"
	case len(parts) < 2 || parts[0] != "v1" && parts[0] != "v2":
		return false
	case parts[1] == "docs":
		return true
	case parts[1] == "models" && parts[0] == "v1":
		return parts[len(parts)-1] == "metadata"
	}
	// The model itself, or a version of it.
	return parts[1] == "models" && (len(parts) == 3 || len(parts) == 5 && parts[3] == "versions")
}

// mirrors reports whether this request is copied to the shadow.
func (r *Deployment) mirrors(random func(n int) int) bool {
	return r.Shadow != nil && (r.Percent >= 100 || random(100) < r.Percent)
}

// path is the prefix of the deployment's REST requests, with a slash at both
// ends.
func (r *Deployment) path() string { return "/seldon/" + r.Namespace + "/" + r.Name + "/" }

// deployments are all deployments that are served; they do not change.
type deployments struct{ byName map[string]*Deployment }

func newDeployments(list []*Deployment) *deployments {
	r := &deployments{byName: map[string]*Deployment{}}
	for _, one := range list {
		r.byName[one.Namespace+"/"+one.Name] = one
	}
	return r
}

func (r *deployments) sorted() []*Deployment {
	var list []*Deployment
	for _, name := range slices.Sorted(maps.Keys(r.byName)) {
		list = append(list, r.byName[name])
	}
	return list
}

// rest finds the deployment of a path and the path that is left for it.
func (r *deployments) rest(path string) (found *Deployment, left string) {
	after, ok := strings.CutPrefix(path, "/seldon/")
	if !ok {
		return nil, ""
	}
	namespace, after, _ := strings.Cut(after, "/")
	name, left, _ := strings.Cut(after, "/")
	return r.byName[namespace+"/"+name], "/" + left
}

// grpc finds the deployment of a call's metadata. A cluster's ingress wants
// both; here the namespace may be left out where the name says enough.
func (r *deployments) grpc(name, namespace string) (*Deployment, error) {
	if name == "" {
		return nil, fmt.Errorf("the metadata lacks %q, the name of the deployment; served here: %s", "seldon", r.names())
	}
	if namespace != "" {
		if found := r.byName[namespace+"/"+name]; found != nil {
			return found, nil
		}
		return nil, fmt.Errorf("no deployment %s in namespace %s; served here: %s", name, namespace, r.names())
	}
	var found []*Deployment
	for _, one := range r.sorted() {
		if one.Name == name {
			found = append(found, one)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("no deployment %s; served here: %s", name, r.names())
	}
	return nil, fmt.Errorf("deployment %s is in several namespaces; add the metadata %q; served here: %s", name, "namespace", r.names())
}

// names lists what is served as namespace/name.
func (r *deployments) names() string {
	names := slices.Sorted(maps.Keys(r.byName))
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
