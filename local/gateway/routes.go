package local

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// route is where the requests of one deployment go.
type route struct {
	namespace, name string
	protocol        string
	// shares are the predictors that answer, with their weights.
	shares []share
	// shadow, if not nil, gets copies of percent of the requests.
	shadow  *backend
	percent int
}

type share struct {
	backend *backend
	weight  int
}

// pick chooses the predictor that answers a request. random(n) is a number
// from 0 to n-1.
func (r *route) pick(random func(n int) int) *backend {
	total := 0
	for _, s := range r.shares {
		total += s.weight
	}
	if len(r.shares) == 0 {
		return nil
	}
	if total == 0 {
		return r.shares[0].backend
	}
	n := random(total)
	for _, s := range r.shares {
		if n -= s.weight; n < 0 {
			return s.backend
		}
	}
	return r.shares[len(r.shares)-1].backend
}

// mirrors reports whether this request is copied to the shadow.
func (r *route) mirrors(random func(n int) int) bool {
	return r.shadow != nil && (r.percent >= 100 || random(100) < r.percent)
}

// path is the prefix of the deployment's REST requests, with a slash at both
// ends.
func (r *route) path() string { return "/seldon/" + r.namespace + "/" + r.name + "/" }

// routes are all deployments that are served; they do not change.
type routes struct{ byName map[string]*route }

func newRoutes(list []*route) *routes {
	r := &routes{byName: map[string]*route{}}
	for _, one := range list {
		r.byName[one.namespace+"/"+one.name] = one
	}
	return r
}

func (r *routes) sorted() []*route {
	var list []*route
	for _, name := range slices.Sorted(maps.Keys(r.byName)) {
		list = append(list, r.byName[name])
	}
	return list
}

// rest finds the deployment of a path and the path that is left for it.
func (r *routes) rest(path string) (found *route, left string) {
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
func (r *routes) grpc(name, namespace string) (*route, error) {
	if name == "" {
		return nil, fmt.Errorf("the metadata lacks %q, the name of the deployment; served here: %s", "seldon", r.names())
	}
	if namespace != "" {
		if found := r.byName[namespace+"/"+name]; found != nil {
			return found, nil
		}
		return nil, fmt.Errorf("no deployment %s in namespace %s; served here: %s", name, namespace, r.names())
	}
	var found []*route
	for _, one := range r.sorted() {
		if one.name == name {
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
func (r *routes) names() string {
	names := slices.Sorted(maps.Keys(r.byName))
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
