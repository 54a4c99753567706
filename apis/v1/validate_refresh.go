package v1

import (
	"net/url"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/graph"
)

// The time between two looks at a store is within these bounds: each look costs the
// store a request, for every pod.
const (
	leastRefresh = 5 * time.Second
	mostRefresh  = 24 * time.Hour
)

// refreshes checks how a node's model is looked at for new versions.
func (v *validator) refreshes(n node) {
	if n.ModelRefresh == "" {
		return
	}
	path := n.path + ".modelRefresh"
	every, err := time.ParseDuration(n.ModelRefresh)
	switch {
	case err != nil:
		v.errorf(path, "%q is not a duration such as 60s or 5m", n.ModelRefresh)
	case every < leastRefresh || every > mostRefresh:
		v.errorf(path, "%s is not between 5s and 24h", n.ModelRefresh)
	}
	server, known := v.Servers[n.Implementation]
	server = server.For(string(v.deployment.Spec.Protocol.Canonical()))
	switch {
	case !known || server.Versions == nil || v.wire(n) != ProtocolTensorFlow:
		v.errorf(path, "only TENSORFLOW_SERVER takes new versions while it runs; others get a new model by a new modelUri")
	case n.ModelURI == "": // It is told where that is missing.
	case !hasFolders(n.ModelURI):
		v.errorf(path, "%s names no folder whose folders can be listed: s3://, gs://, azblob://, pvc:// and paths do", withoutSecrets(n.ModelURI))
	case n.StorageInitializerImage != "":
		v.warnf(path, "the image of storageInitializerImage has to know --refresh, as Radiant's own does")
	}
}

// initializerSuffix ends the names of the init containers that fetch models.
const initializerSuffix = "-model-initializer"

// ownInitializer warns of an init container of the user's that is in the place of the one
// which would look for new versions.
func (v *validator) ownInitializer(path, container string, nodes map[string]*graph.Node) {
	outside := v.deployment.Spec.Protocol.Canonical()
	for _, n := range nodes {
		if n.ModelRefresh == "" || n.ModelURI == "" {
			continue
		}
		server := v.Servers[n.Implementation].For(string(outside))
		former := server.Proxied != nil && Protocol(server.Protocol) != outside && container == server.Proxied.Container+initializerSuffix
		if former || container == n.Name+initializerSuffix {
			v.warnf(path, "this container is in the place of the one that would fetch the model of node %q and look for new versions, so that its modelRefresh is without effect; "+
				"leave the container out, or modelRefresh", n.Name)
		}
	}
}

// hasFolders reports whether what is below a URI can be listed by folders, as far as its
// scheme tells.
func hasFolders(uri string) bool {
	scheme, rest, ok := strings.Cut(uri, "://")
	switch strings.ToLower(scheme) {
	case "http", "hf", "oci":
		return !ok
	case "https":
		host, _, _ := strings.Cut(rest, "/")
		return !ok || strings.Contains(host, ".blob.")
	}
	return true
}

// withoutSecrets is a URI without its user, password and query.
func withoutSecrets(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "modelUri"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
