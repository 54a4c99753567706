package v1

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/scheme"
	"github.com/prime-radiant/radiant/wording"
)

// server checks a node that a prepackaged server serves.
func (v *validator) server(n node) {
	at := n.path + ".implementation"
	image := ""
	if n.container != nil {
		image = n.container.Image
	}
	if n.Type != "" && n.Type != graph.Model && n.Type != graph.UnknownType && n.Type.Valid() {
		v.warnf(n.path+".type", "type %s is ignored: %s is a MODEL", n.Type, n.Implementation)
	}
	server, ok := v.Servers[n.Implementation]
	if !ok {
		v.unknownServer(n, image)
		return
	}
	outside := v.deployment.Spec.Protocol.Canonical()
	server = server.For(string(outside))
	if n.ModelURI == "" && !server.ModelURIOptional {
		v.errorf(n.path+".modelUri", "Predictive unit modelUri required when using standalone servers: "+
			"%s needs the place of its model", n.Implementation)
	}
	if e := n.Endpoint; image == "" && e != nil && Protocol(e.Protocol).OfServers() && e.Protocol != "" && server.Protocol != "" &&
		Protocol(e.Protocol).Canonical() != Protocol(server.Protocol).Canonical() {
		v.errorf(n.path+".endpoint.protocol", "the image of %s speaks %s, not %s; leave this out, or give the container %q an image of your own",
			n.Implementation, server.Protocol, e.Protocol, n.Name)
	}
	if !outside.Valid() || len(server.Outside) == 0 || slices.Contains(server.Outside, string(outside)) {
		return
	}
	const message = "Prepackaged server does not handle %s protocol %s; set spec.protocol to %s"
	if image == "" {
		v.errorf(at, message, outside, n.Implementation, wording.Listed(server.Outside))
	} else {
		v.warnf(at, message+", unless the image %s does", outside, n.Implementation, wording.Listed(server.Outside), image)
	}
}

func (v *validator) unknownServer(n node, image string) {
	all := slices.Concat(graph.Builtins(), []string{graph.UnknownImplementation}, slices.Sorted(maps.Keys(v.Servers)))
	path := n.path + ".implementation"
	if image != "" {
		v.warnf(path, "No entry in predictors map for %s: the container's image %s is run as it is%s",
			n.Implementation, image, meantBy(v.serverMeant(n.Implementation, all)))
		return
	}
	// The list is that of servers and of what stands in for one; docs/nodes.md has
	// the other built-ins.
	var shown []string
	for _, row := range graph.BuiltinTable() {
		if row.V1 {
			shown = append(shown, string(row.Name))
		}
	}
	shown = slices.Concat(shown, []string{graph.UnknownImplementation}, slices.Sorted(maps.Keys(v.Servers)))
	v.errorf(path, "No entry in predictors map for %s; use %s%s", n.Implementation, wording.Listed(shown), meantBy(v.serverMeant(n.Implementation, all)))
}

func meantBy(name string) string {
	if name == "" {
		return ""
	}
	return " (did you mean " + name + "?)"
}

// serverMeant guesses which implementation a word stands for: one that is
// misspelt, one without _SERVER, or the name of a library whose models it serves.
func (v *validator) serverMeant(word string, names []string) string {
	if name := wording.Closest(word, names); name != "" {
		return name
	}
	const ending = "server"
	for _, name := range slices.Sorted(maps.Keys(v.Servers)) {
		short := strings.TrimSuffix(wording.Plain(name), ending)
		if wording.Closest(strings.TrimSuffix(wording.Plain(word), ending), append(v.Servers[name].Libraries, short)) != "" {
			return name
		}
	}
	return ""
}

// modelURI checks the form of a place; whether something is there shows when
// it is fetched.
func (v *validator) modelURI(path, uri string) {
	start, rest := splitURI(uri)
	if start == "" {
		return
	}
	if known := scheme.Names(); !slices.Contains(known, start) {
		v.warnf(path, "nothing is known of the scheme %s; use %s, or a path%s", start, wording.Listed(known), wording.DidYouMeanAside(start, known))
		return
	}
	if strings.Trim(rest, "/") == "" {
		v.errorf(path, "%q names no place after %s:", uri, start)
	}
	if _, ok := ImageReference(uri); start == "oci" && strings.HasPrefix(rest, "//") && strings.Trim(rest, "/") != "" && !ok {
		v.warnf(path, "%s names no artifact of a registry, so that its fetch fails: write oci://REGISTRY/REPOSITORY:TAG or oci://REGISTRY/REPOSITORY@sha256:DIGEST, without a folder or a query behind", withoutSecrets(uri))
	}
	if start == "pvc" && strings.HasPrefix(rest, "///") {
		v.errorf(path, "%q names no volume claim: write pvc://CLAIM/PATH", uri)
	}
}

// imageReference is what registries know: letters of repositories are small, and a tag or a
// digest is the end.
var imageReference = regexp.MustCompile(`^(?i:oci)://([a-zA-Z0-9.\-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+` +
	`(:[a-zA-Z0-9_][a-zA-Z0-9_.\-]{0,127})?(@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}))?$`)

// ImageReference is the artifact of a registry that a modelUri of oci:// names, as container
// runtimes have it; false: it names none.
func ImageReference(modelURI string) (reference string, ok bool) {
	if !imageReference.MatchString(modelURI) {
		return "", false
	}
	_, reference, ok = strings.Cut(modelURI, "://")
	return reference, ok
}

// NamesRegistry reports whether a reference means the same to the copy of a model, which
// takes the first part for the registry, and to container runtimes, which take one without a
// dot or a port for a folder of docker.io.
func NamesRegistry(reference string) bool {
	host, _, _ := strings.Cut(reference, "/")
	return host == "localhost" || strings.ContainsAny(host, ".:")
}

// copied warns of what has a model copied that was always to be mounted.
func (v *validator) copied(n node) {
	reference, isImage := ImageReference(n.ModelURI)
	if word, _ := v.deployment.Annotation(AnnotationImageVolumes); word != "always" || !isImage || graph.BuiltinOf(n.Implementation) != graph.NotBuiltin {
		return
	}
	const text = AnnotationImageVolumes + " is always, and this model is copied: "
	switch {
	case n.ModelRefresh != "":
		v.warnf(n.path+".modelRefresh", text+"what is mounted does not change while the pod runs; to have it mounted, leave modelRefresh out")
	case n.StorageInitializerImage != "":
		v.warnf(n.path+".storageInitializerImage", text+"by this image; to have it mounted, leave storageInitializerImage out")
	case !NamesRegistry(reference):
		v.warnf(n.path+".modelUri", text+"container runtimes take a registry without a dot or a port for a folder of docker.io; to have it mounted, write the registry's whole name")
	}
}

// stock is the prepackaged server of a node, as it serves clients of the deployment's
// protocol; false: it has none.
func (v *validator) stock(n *graph.Node) (server manifests.Server, known bool) {
	server, known = v.Servers[n.Implementation]
	return server.For(string(v.deployment.Spec.Protocol.Canonical())), known
}

// splitURI parts a place at its first colon. Without a scheme it is a path.
func splitURI(uri string) (scheme, rest string) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || strings.ContainsAny(scheme, `/.\`) {
		return "", uri
	}
	return strings.ToLower(scheme), rest
}

// IsLocal reports whether a modelUri names files of the machine that reads it,
// by a path or by file:, and not a store.
func IsLocal(modelURI string) bool {
	scheme, _ := splitURI(modelURI)
	return modelURI != "" && (scheme == "" || scheme == "file")
}

// arguments warns of what a user writes for a prepackaged server that does not
// come to be: flags that say where it listens, which the pod depends on; and a
// script, in which no flag can be set, so that requests go where the deployment
// says.
func (v *validator) arguments(path string, c *corev1.Container, nodes map[string]*graph.Node) {
	outside := v.deployment.Spec.Protocol.Canonical()
	for _, n := range nodes {
		server := v.Servers[n.Implementation].For(string(outside))
		wire := v.wire(node{Node: n, container: c})
		isIts := c.Name == n.Name || server.Proxied != nil && c.Name == server.Proxied.Container && wire != outside
		if !isIts || len(server.Args) == 0 || wire != Protocol(server.Protocol).Canonical() {
			continue
		}
		if IsScript(c) {
			v.warnf(path+".command", "is a script, to which nothing can be added: what it starts must listen at $%s and $%s, "+
				"and read its model from /mnt/models", EnvHTTPPort, EnvGRPCPort)
			return
		}
		v.replaced(path, c, server.Args)
	}
}

// replaced warns of flags whose values are given by the deployment.
func (v *validator) replaced(path string, c *corev1.Container, ours []string) {
	for _, flag := range ours {
		name, value, _ := strings.Cut(flag, "=")
		if !slices.Contains([]string{"{httpPort}", "{grpcPort}", "{metricsPort}"}, value) {
			continue
		}
		for _, list := range []struct {
			field string
			words []string
		}{{"command", c.Command}, {"args", c.Args}} {
			i := slices.IndexFunc(list.words, func(word string) bool {
				written, _, _ := strings.Cut(word, "=")
				return strings.HasPrefix(written, "-") && strings.TrimLeft(written, "-") == strings.TrimLeft(name, "-")
			})
			if i >= 0 {
				v.warnf(fmt.Sprintf("%s.%s[%d]", path, list.field, i), "the value of %s is replaced by the port that the deployment gives: leave it out", name)
			}
		}
	}
}

// IsScript reports whether a container's command or arguments are a shell with
// its script.
func IsScript(c *corev1.Container) bool {
	words := slices.Concat(c.Command, c.Args)
	shells := []string{"sh", "bash", "dash", "ash", "zsh", "busybox"}
	i := slices.IndexFunc(words, func(word string) bool { return slices.Contains(shells, path.Base(word)) })
	return i >= 0 && slices.ContainsFunc(words[i+1:], func(word string) bool {
		return strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.HasSuffix(word, "c")
	})
}
