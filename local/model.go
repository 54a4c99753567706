package local

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/storage"
)

// fetches reports whether the container is the stand-in that fetches uri, or a folder of it.
func (c *containerLayout) fetches(uri string) bool {
	source, _, ok := fetched(c.spec)
	return c.choice.Mode == runtime.AsProgram && c.choice.Fetches() && ok && (source == uri || strings.HasPrefix(source, strings.TrimRight(uri, "/")+"/"))
}

// fetched is what the program that fetches a model is to bring, and where to; false: it
// is not told so. Flags stand before it.
func fetched(c *corev1.Container) (uri, folder string, ok bool) {
	args := c.Args
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		args = args[1:]
	}
	if len(args) != 2 {
		return "", "", false
	}
	return args[0], args[1], true
}

// modelProblems are those of the models of a predictor that are known before
// anything is fetched. What the user fetches by other means is not looked at.
func (g *generation) modelProblems(predictor int, servers manifests.Servers, from runtime.Shell) v1.Problems {
	var problems v1.Problems
	g.predictor.Graph.Walk(func(at string, n *graph.Node) {
		if n.ModelURI == "" {
			return
		}
		where := fmt.Sprintf("spec.predictors[%d].%s", predictor, at)
		for _, layout := range g.layouts {
			if !slices.ContainsFunc(layout.inits, func(c containerLayout) bool { return c.fetches(n.ModelURI) }) {
				continue
			}
			names, known, err := storage.Look(n.ModelURI, storage.Options{Lookup: from.Value})
			if err == nil && known && g.runsStock(layout, n) {
				err = checkModel(servers, n, names, headOf(n.ModelURI))
				if err == nil {
					err = g.otherName(layout, n, servers.Servers[n.Implementation])
					problems = append(problems, missing(where, n, servers.Servers[n.Implementation], names, n.ModelURI)...)
				}
			} else if err == nil && known {
				err = checkNodeFile(n, names, n.ModelURI)
			}
			if err != nil {
				problems = append(problems, v1.Problem{
					Severity: v1.SeverityError, Path: where + ".modelUri", Message: err.Error(),
				})
			}
			return
		}
	})
	return problems
}

// ModelProblems are those of the models that lie on this machine, as far as they
// are known without starting anything: the words are those of [Run]. What the
// user fetches by other means is not looked at. A path from the root may be that
// of another machine, so that nothing being there is a warning.
func (s Source) ModelProblems(servers manifests.Servers) v1.Problems {
	var problems v1.Problems
	for i := range s.Deployment.Spec.Predictors {
		p := &s.Deployment.Spec.Predictors[i]
		p.Graph.Walk(func(at string, n *graph.Node) {
			server := servers.Servers[n.Implementation]
			reads := server.Direct != nil && s.Deployment.Spec.Annotations[v1.AnnotationNoStorageInitializer] == "true"
			if !v1.IsLocal(n.ModelURI) || reads {
				return
			}
			where := fmt.Sprintf("spec.predictors[%d].%s", i, at)
			names, known, err := storage.Look(absoluteURI(n.ModelURI, s.Dir), storage.Options{})
			severity := v1.SeverityError
			if err != nil && path.IsAbs(strings.TrimPrefix(n.ModelURI, "file://")) {
				severity = v1.SeverityWarning
			}
			if err == nil && known && !changesServer(p, n.Name) {
				uri := absoluteURI(n.ModelURI, s.Dir)
				if err = cmp.Or(checkModel(servers, n, names, headOf(uri)), checkNodeFile(n, names, uri)); err == nil {
					problems = append(problems, missing(where, n, server, names, uri)...)
				}
			}
			if err != nil {
				problems = append(problems, v1.Problem{
					Severity: severity, Path: where + ".modelUri", Message: err.Error(),
				})
			}
		})
	}
	return problems
}

// checkModel reports whether the node's server finds a model among files. Of one that is
// looked at for new versions it is the highest that is looked into.
func checkModel(servers manifests.Servers, n *graph.Node, files []string, head manifests.Head) error {
	refresh := servers.Servers[n.Implementation].Refresh
	if n.ModelRefresh == "" || refresh == manifests.RefreshFolder || refresh == manifests.RefreshTriton {
		return servers.CheckFiles(n.Implementation, files, head)
	}
	there := versionsAmong(files)
	if len(there) == 0 {
		return errors.New("there is no folder whose name is a number: with modelRefresh each version is in one of its own, such as 1/" + path.Base(files[0]))
	}
	newest := slices.MaxFunc(there, func(a, b versionFolder) int { return cmp.Compare(a.number, b.number) }).name
	var within []string
	for _, file := range files {
		if name, inside := strings.CutPrefix(file, newest+"/"); inside {
			within = append(within, name)
		}
	}
	headWithin := head
	if head != nil {
		headWithin = func(file string, bytes int) []byte { return head(newest+"/"+file, bytes) }
	}
	if err := servers.CheckFiles(n.Implementation, within, headWithin); err != nil {
		return fmt.Errorf("version %s: %w", newest, err)
	}
	return nil
}

// headOf reads how files below a folder of this machine begin; of models that lie
// elsewhere nothing is known.
func headOf(uri string) manifests.Head {
	folder, isFile := strings.CutPrefix(uri, "file://")
	if !isFile {
		return nil
	}
	return func(file string, bytes int) []byte {
		f, err := os.Open(filepath.Join(filepath.FromSlash(folder), filepath.FromSlash(file)))
		if err != nil {
			return nil
		}
		defer f.Close()
		start := make([]byte, bytes)
		n, err := io.ReadFull(f, start)
		if err != nil {
			return nil
		}
		return start[:n]
	}
}

// changesServer reports whether the user changes how a node's server runs, so
// that it may look for other files.
func changesServer(p *v1.PredictorSpec, node string) bool {
	for i := range p.ComponentSpecs {
		for _, c := range p.ComponentSpecs[i].Spec.Containers {
			if c.Name == node && (c.Image != "" || len(c.Command)+len(c.Args)+len(c.Env) > 0) {
				return true
			}
		}
	}
	return false
}

// settingsFile is where MLServer reads a model's name, which then is stronger
// than the name that its environment gives.
const settingsFile = "model-settings.json"

// otherName is an error where the folder of a model gives it another name than
// the executor asks for: the server would be ready, and no request be answered.
// Clients of the server's own protocol can ask for any name, so that they are
// told only.
func (g *generation) otherName(layout *podLayout, n *graph.Node, server manifests.Server) error {
	var wanted string
	for _, c := range layout.containers {
		if c.spec.Name != n.Name {
			continue
		}
		for _, e := range c.spec.Env {
			if e.Name == envModelName {
				wanted = e.Value
			}
		}
	}
	path, isFile := strings.CutPrefix(n.ModelURI, "file://")
	if wanted == "" || !isFile {
		return nil
	}
	var settings struct {
		Name string `json:"name"`
	}
	text, err := os.ReadFile(filepath.Join(filepath.FromSlash(path), settingsFile))
	if err != nil || json.Unmarshal(text, &settings) != nil || settings.Name == "" || settings.Name == wanted {
		return nil //nolint:nilerr // Without the file the server knows the model by its environment; what is wrong with it the server says.
	}
	outside := string(g.deployment.Spec.Protocol.Canonical())
	if server.For(outside).Protocol == outside {
		g.notes = append(g.notes, fmt.Sprintf("%s calls the model of node %s %q: requests have to name it so", settingsFile, n.Name, settings.Name))
		return nil
	}
	return fmt.Errorf("%s calls the model %q, and requests ask for %q: give the node the parameter {name: model_name, type: STRING, value: %s}, or take the name out of the file",
		settingsFile, settings.Name, wanted, settings.Name)
}

// envModelName tells MLServer the name of its model.
const envModelName = "MLSERVER_MODEL_NAME"

// runsStock reports whether the node's server starts here as it was
// prepackaged.
func (g *generation) runsStock(layout *podLayout, n *graph.Node) bool {
	if changesServer(g.predictor, n.Name) {
		return false
	}
	return slices.ContainsFunc(layout.containers, func(c containerLayout) bool {
		return c.spec.Name == n.Name && c.choice.Mode == runtime.AsProgram
	})
}

// dropFetches removes the init containers that fetch a model for nobody: the
// containers that see its folder are left out.
func (p *podLayout) dropFetches(all []corev1.Container) {
	p.inits = slices.DeleteFunc(p.inits, func(c containerLayout) bool {
		_, folder, ok := fetched(c.spec)
		if !c.choice.Fetches() || !ok {
			return false
		}
		volume := volumeAt(c.spec, folder)
		sees := func(other *corev1.Container) bool {
			return slices.ContainsFunc(other.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
		}
		return slices.ContainsFunc(all, func(other corev1.Container) bool { return sees(&other) }) &&
			!slices.ContainsFunc(p.containers, func(other containerLayout) bool { return sees(other.spec) })
	})
}

// volumeAt is the name of the volume that c sees at exactly this path.
func volumeAt(c *corev1.Container, at string) string {
	for _, m := range c.VolumeMounts {
		if path.Clean(m.MountPath) == path.Clean(at) {
			return m.Name
		}
	}
	return ""
}

// missing are the problems of a node, at a path, that names what a model does not have,
// whose files are these, below a URI: versions, or a route.
func missing(at string, n *graph.Node, server manifests.Server, files []string, uri string) v1.Problems {
	return append(missingVersions(at, n, server, files), missingRoute(at, n, server, uri)...)
}
