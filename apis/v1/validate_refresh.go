package v1

import (
	"net/url"
	"regexp"
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
	case isFixed(n.ModelURI):
		v.errorf(path, "%s names one state for good, so that no new version can come: name a tag, a branch or a folder", withoutSecrets(n.ModelURI))
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

// fixedCommit is a model at a whole name of a commit, fixedDigest an artifact by its digest.
var (
	fixedCommit = regexp.MustCompile(`^hf://[^/]+/[^/@:]+[@:][0-9a-f]{40}(/|$)`)
	fixedDigest = regexp.MustCompile(`^oci://.*@sha256:[0-9a-f]{64}$`)
)

// isFixed reports whether what a URI names never changes.
func isFixed(uri string) bool { return fixedCommit.MatchString(uri) || fixedDigest.MatchString(uri) }

// withoutSecrets is a URI without its user, password and query.
func withoutSecrets(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "modelUri"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
