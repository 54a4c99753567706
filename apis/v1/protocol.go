package v1

import (
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// Canonical resolves the default and the synonym: seldon, tensorflow or v2. A
// protocol that does not exist is returned as it is.
func (p Protocol) Canonical() Protocol {
	switch p {
	case "":
		return ProtocolSeldon
	case ProtocolKFServing:
		return ProtocolV2
	}
	return p
}

// Valid reports whether p is a protocol that clients speak; empty is valid.
func (p Protocol) Valid() bool {
	switch p.Canonical() {
	case ProtocolSeldon, ProtocolTensorFlow, ProtocolV2:
		return true
	}
	return false
}

// HasVersions reports whether servers that speak p tell of versions of a model.
func (p Protocol) HasVersions() bool {
	return p.Canonical() == ProtocolTensorFlow || p.Canonical() == ProtocolV2
}

// OfServers reports whether servers of nodes may speak p: what clients speak, or BentoML's.
func (p Protocol) OfServers() bool { return p.Valid() || p == ProtocolBentoML }

// RESTOnly reports whether servers that speak p listen for REST alone, whatever the
// transport of clients is.
func (p Protocol) RESTOnly() bool { return p == ProtocolBentoML }

// IsServer reports whether a node's implementation names a prepackaged server
// or one that the installation adds, and not a built-in or nothing.
func IsServer(implementation string) bool { return graph.IsServer(implementation) }

// wireProtocol says what a prepackaged server's container speaks when its
// predictor speaks outside. Image is the user's own image, or empty.
//
// Where the stock server speaks v2 and the predictor speaks seldon, an image
// of the user's own is one that wraps its model in Seldon's server: every node
// of this server ran one while executors did not translate. The user can say
// otherwise by endpoint.protocol.
func wireProtocol(outside Protocol, server manifests.Server, image string) Protocol {
	wire := Protocol(server.Protocol).Canonical()
	if server.Protocol == "" {
		return outside
	}
	if image != "" && outside == ProtocolSeldon && wire == ProtocolV2 && manifests.ImageName(image) != manifests.ImageName(server.Image) {
		return outside
	}
	return wire
}
