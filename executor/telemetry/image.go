package telemetry

import "strings"

// splitImage splits a container image into its name and its version: what
// follows the last colon, unless that is the port of a registry, and without a
// digest, which is the version only where there is no other.
func splitImage(image string) (name, version string) {
	name, digest, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, digest
}
