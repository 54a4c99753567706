package expand

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// modelDir is where a server finds the files of its model.
const modelDir = v1.ModelDir

// server returns the entry of the prepackaged server that serves n, and
// whether the entry describes what runs. A container whose image the user chose
// may speak another protocol, and gets no arguments of the entry.
func (p *predictor) server(n *graph.Node) (server manifests.Server, stock bool) {
	if !v1.IsServer(n.Implementation) {
		return manifests.Server{}, false
	}
	server, known := p.in.Servers.Servers[n.Implementation]
	server = server.For(string(p.outside()))
	return server, known && p.speaks(n) == v1.Protocol(server.Protocol).Canonical()
}

// serveModels completes the containers of prepackaged servers: image,
// arguments and the environment that is the server's own.
func (p *predictor) serveModels() error {
	var errs []error
	for _, w := range p.components {
		p.foldProxies(w)
		containers := w.pod().Containers
		for i := range containers {
			c := &containers[i]
			n := p.nodes[c.Name]
			if n == nil || !v1.IsServer(n.Implementation) {
				continue
			}
			if err := p.serveModel(w, n, c); err != nil {
				errs = append(errs, fmt.Errorf("node %q: %w", n.Name, err))
			}
		}
		// A pod has one account: that of its last server, in the graph's order.
		for _, n := range p.order {
			if v1.IsServer(n.Implementation) && n.ServiceAccountName != "" && w.container(n.Name) != nil {
				w.pod().ServiceAccountName = n.ServiceAccountName
			}
		}
	}
	return errors.Join(errs...)
}

func (p *predictor) serveModel(w *workload, n *graph.Node, c *corev1.Container) error {
	server, stock := p.server(n)
	if p.spec.NoExecutor() && p.speaks(n) != p.outside() {
		return fmt.Errorf("%s speaks %s, and without an executor nothing translates it from %s: "+
			"remove the annotation %s, or set spec.protocol to %[2]s",
			n.Implementation, p.speaks(n), p.outside(), v1.AnnotationNoExecutor)
	}
	if server.Proxied != nil && slices.Contains(server.Proxied.Images, manifests.ImageName(c.Image)) {
		c.Image = ""
	}
	if c.Image == "" {
		if server.Image == "" {
			return fmt.Errorf("implementation %s is not a prepackaged server (there are %s): give container %q an image",
				n.Implementation, strings.Join(slices.Sorted(maps.Keys(p.in.Servers.Servers)), ", "), c.Name)
		}
		if !stock {
			return fmt.Errorf("endpoint.protocol is %s, but the image of %s speaks %s: remove endpoint.protocol, or give container %q an image",
				p.speaks(n), n.Implementation, server.Protocol, c.Name)
		}
		c.Image = server.Image
	}
	if imagePath(c.Image) == imagePath(server.Image) {
		p.harden(w.pod(), c, nil)
	}
	if stock {
		p.runServer(n, c, server)
	}
	if stock && p.tellsVersions(n, server) && slices.ContainsFunc(c.Args, func(arg string) bool { return strings.Contains(arg, modelConfigPath()) }) {
		if err := p.mountVersions(w, n, c); err != nil {
			return err
		}
	}
	if p.speaks(n) == v1.ProtocolSeldon || stock && len(server.Args)+len(server.Env) == 0 {
		parameters := append(slices.Clone(p.parametersOf(n)),
			graph.Parameter{Name: "model_uri", Value: modelDir, Type: graph.StringParameter})
		c.Env = setEnv(c.Env, envParameters, marshalled(parameters))
	}
	return nil
}

// runServer fills in command, arguments and environment from the server's
// entry. What the user wrote stays, except for the ports in arguments.
func (p *predictor) runServer(n *graph.Node, c *corev1.Container, server manifests.Server) {
	values := p.placeholders(n, c)
	args := server.Args
	var asked []string // by parameters of the node
	if p.tellsVersions(n, server) {
		args = p.versionsArgs(n, server)
	}
	if n.ModelRefresh != "" {
		asked = replaceAll(server.RefreshArgs, values)
	}
	if p.fetchesItself(n) {
		args = server.Direct.Args
		for _, parameter := range n.Parameters {
			if flag := server.Direct.Parameters[strings.ToLower(parameter.Name)]; flag != "" {
				asked = append(asked, flag+"="+parameter.Value)
			}
		}
		if secret := p.envSecret(n.EnvSecretRefName); secret != "" && len(c.EnvFrom) == 0 {
			c.EnvFrom = envFromSecret(secret)
		}
	}
	if len(c.Command)+len(c.Args) == 0 {
		c.Command = replaceAll(server.Command, values)
		c.Args = append(replaceAll(args, values), asked...)
	} else {
		p.arguments(n, server, values).complete(c, args, asked)
	}
	env := make([]corev1.EnvVar, 0, len(server.Env)+len(c.Env))
	for _, e := range server.Env {
		env = append(env, corev1.EnvVar{Name: e.Name, Value: values.Replace(e.Value)})
	}
	for _, e := range c.Env {
		env = setVar(env, e)
	}
	if len(env) > 0 {
		c.Env = env
	}
}

// fetchesItself reports whether the node's server reads its modelUri itself.
func (p *predictor) fetchesItself(n *graph.Node) bool {
	server, stock := p.server(n)
	return stock && server.Direct != nil && isSet(p.deployment.Spec.Annotations[v1.AnnotationNoStorageInitializer])
}

func (p *predictor) placeholders(n *graph.Node, c *corev1.Container) *strings.Replacer {
	return strings.NewReplacer(
		"{node}", n.Name,
		"{model}", p.modelName(n),
		"{modelDir}", modelDir,
		"{modelUri}", n.ModelURI,
		"{modelConfig}", modelConfigPath(),
		"{namespace}", p.deployment.Namespace,
		"{httpPort}", strconv.Itoa(int(n.Endpoint.HTTPPort)),
		"{grpcPort}", strconv.Itoa(int(n.Endpoint.GRPCPort)),
		"{metricsPort}", strconv.Itoa(int(v1.PortNamed(c, p.in.Config.Units.MetricsPortName))),
	)
}

// modelName is what the node's server knows its model as. Where the executor
// passes requests on as they are, clients address the model by the node's
// name; where it translates, the user may say otherwise.
func (p *predictor) modelName(n *graph.Node) string {
	if name, ok := n.Parameter("model_name"); ok && name != "" && p.speaks(n) != p.outside() {
		return name
	}
	return n.Name
}

// foldProxies reads a container that the user wrote for the server behind a
// proxy as what it means now: settings of the node's own container. The proxy
// itself is not there any more.
func (p *predictor) foldProxies(w *workload) {
	pod := w.pod()
	folded := map[string]bool{}
	for i := range pod.Containers {
		c := &pod.Containers[i]
		n := p.nodes[c.Name]
		if n == nil {
			continue
		}
		server, stock := p.server(n)
		if !stock || server.Proxied == nil || p.speaks(n) == p.outside() || p.nodes[server.Proxied.Container] != nil {
			continue
		}
		if from := w.container(server.Proxied.Container); from != nil {
			fold(c, from)
			folded[from.Name] = true
		}
	}
	pod.Containers = slices.DeleteFunc(pod.Containers, func(c corev1.Container) bool { return folded[c.Name] })
}

// fold writes what from says over into. The ports of from belong to the wiring
// with the proxy.
func fold(into, from *corev1.Container) {
	from = from.DeepCopy()
	ports, name := into.Ports, into.Name
	mounts, env := into.VolumeMounts, into.Env
	for _, m := range mounts {
		addMount(from, m)
	}
	for _, e := range env {
		from.Env = addVar(from.Env, e)
	}
	from.EnvFrom = append(from.EnvFrom, into.EnvFrom...)
	if len(from.Resources.Requests) == 0 && len(from.Resources.Limits) == 0 {
		from.Resources = into.Resources
	}
	if from.SecurityContext == nil {
		from.SecurityContext = into.SecurityContext
	}
	if from.ImagePullPolicy == "" {
		from.ImagePullPolicy = into.ImagePullPolicy
	}
	from.TerminationMessagePath = into.TerminationMessagePath
	from.TerminationMessagePolicy = into.TerminationMessagePolicy
	from.Ports, from.Name = ports, name
	*into = *from
}
