// Package manifests carries the data files that ship inside the programs.
package manifests

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Servers is the content of servers.yaml.
type Servers struct {
	// Servers are the prepackaged servers by the name that a node's
	// implementation gives, such as SKLEARN_SERVER.
	Servers map[string]Server `json:"servers"`
	// Custom say what a server is of which an installation gives an image and
	// nothing else, by the protocol that the image speaks. They have no image.
	Custom map[string]Server `json:"custom,omitempty"`
	// Runtimes say how an image runs as a process on this machine. The first
	// one with a matching image is taken.
	Runtimes []Runtime `json:"runtimes"`
}

// Server describes one prepackaged model server as a container.
//
// Command, Args and the values of Env may use these placeholders: {node} (the
// node's name), {model} (the name that the server knows the model by: the
// parameter model_name where the executor translates, else the node's name),
// {modelDir}, {modelUri}, {modelConfig}, {namespace}, {httpPort}, {grpcPort}, {metricsPort}.
type Server struct {
	// Protocol is the wire protocol that the server speaks.
	Protocol string `json:"protocol"`
	// Outside lists the protocols of predictors that the server may serve,
	// its own and those that the executor translates.
	Outside []string `json:"outside"`
	Image   string   `json:"image"`
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	// OwnModels are flags by which a user tells the server of models in a way
	// that makes no use of the arguments with {model}, {modelDir} or {modelUri}.
	OwnModels []string `json:"ownModels,omitempty"`
	Env       []Env    `json:"env,omitempty"`
	// ReadyPath and LivePath are probed by HTTP; empty: a TCP connect.
	ReadyPath string `json:"readyPath,omitempty"`
	LivePath  string `json:"livePath,omitempty"`
	// ModelReadyPath, with {model}, is probed in the place of ReadyPath where
	// requests ask for that model alone: clients speak another protocol than the
	// server, so that they cannot name one.
	ModelReadyPath string `json:"modelReadyPath,omitempty"`
	// ModelURIOptional is true for servers that can do without model files.
	ModelURIOptional bool `json:"modelUriOptional,omitempty"`
	// Libraries are what those whose models the server serves are called, in
	// small letters without - and _: what people write for its name.
	Libraries []string `json:"libraries,omitempty"`
	// Files are patterns, as path.Match knows them, of the files of a model by
	// which the server finds it; one of them has to be there. Empty: whatever
	// is there may do. FileHints help where none is; the first that fits counts.
	Files     []string   `json:"files,omitempty"`
	FileHints []FileHint `json:"fileHints,omitempty"`
	// Versions is set for servers that are told by a file which versions of a model
	// to load.
	Versions *Versions `json:"versions,omitempty"`
	// Refresh is how the server takes a new version of its model while it runs; empty:
	// it does not, so that a new version takes a new pod.
	Refresh Refresh `json:"refresh,omitempty"`
	// RefreshArgs are added where it does, unless the user gives the same flags.
	RefreshArgs []string `json:"refreshArgs,omitempty"`
	// Begins is how the files of these models begin, where other servers load
	// files of the same names; empty: nothing is known.
	Begins string `json:"begins,omitempty"`
	// Direct is set for servers that can fetch a model themselves.
	Direct *Direct `json:"direct,omitempty"`
	// Proxied is set for servers that used to stand behind a proxy container.
	Proxied *Proxied `json:"proxied,omitempty"`
	// Replaces are names of images, without host, path and tag, that this
	// server stands in for. An installation that gives one of them for another
	// protocol does not mean a server of its own.
	Replaces []string `json:"replaces,omitempty"`
	// Natives run in place of this server where the predictor speaks another
	// protocol than its own, by that protocol. They have no Natives.
	Natives map[string]Server `json:"natives,omitempty"`
}

// Refresh is how a server takes a new version that was put beside the others.
type Refresh string

const (
	// RefreshFolder is of one that looks into its folder.
	RefreshFolder Refresh = "folder"
	// RefreshIndexed is of one that looks into its folder as well, and tells of its versions by the
	// index of the repository API.
	RefreshIndexed Refresh = "indexed"
	// RefreshMLServer is of one that is told by the repository API, and each version has settings
	// of its own.
	RefreshMLServer Refresh = "mlserver"
	// RefreshTriton is of one that is told by the repository API of one model of the repository,
	// which is in a folder of its own with files that are of all versions.
	RefreshTriton Refresh = "triton"
)

// VersionFiles are the patterns of [Server.Files] that are of a version in its folder.
func (s Server) VersionFiles() []string {
	return slices.DeleteFunc(slices.Clone(s.Files), func(pattern string) bool { return strings.HasPrefix(pattern, "[0-9]*/") })
}

// For returns the server of predictors that speak the protocol outside:
// seldon, tensorflow or v2.
func (s Server) For(outside string) Server {
	if native, ok := s.Natives[outside]; ok {
		return native
	}
	return s
}

// WithImage returns the servers of an installation in which the server called
// name has that image for a protocol: seldon, tensorflow or v2. A name that is
// not there becomes a server of the form in Custom.
func (s Servers) WithImage(name, protocol, image string) Servers {
	server, known := s.Servers[name]
	s.Servers = maps.Clone(s.Servers)
	switch own := s.Custom[protocol]; {
	case !known:
		server = own
		server.Image = image
	case server.Protocol == protocol:
		server.Image = image
	case server.Proxied != nil || slices.Contains(server.Replaces, ImageName(image)):
		// Translation takes the place of that image.
	default:
		own.Image = image
		server.Natives = maps.Clone(server.Natives)
		if server.Natives == nil {
			server.Natives = map[string]Server{}
		}
		server.Natives[protocol] = own
	}
	s.Servers[name] = server
	return s
}

// ImageName is the last part of an image's name, without host, path, tag and
// digest.
func ImageName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	name, _, _ := strings.Cut(path.Base(image), ":")
	return name
}

// FileHint says what to do where a model has a file that fits the pattern
// File, and none that the server loads.
type FileHint struct {
	File string `json:"file"`
	Do   string `json:"do"`
}

// Proxied tells how to read a deployment that was written when a proxy
// translated for the server, in a container of its own named like the node.
type Proxied struct {
	// Container is the name that the server's container had. What the user
	// says about a container of that name is said of the server.
	Container string `json:"container"`
	// Images are the proxy's image names, without host, path and tag. They
	// count as no image.
	Images []string `json:"images"`
}

// Versions is how a server is told by a file which versions of its model to load.
type Versions struct {
	// Args replace Server.Args where there is such a file, which is at {modelConfig}.
	Args []string `json:"args"`
	// LabelArgs are added where the file names versions.
	LabelArgs []string `json:"labelArgs,omitempty"`
}

// Direct replaces a server's way to its model when the deployment carries the
// annotation seldon.io/no-storage-initializer: no files are fetched for it.
type Direct struct {
	// Args replace Server.Args.
	Args []string `json:"args"`
	// Parameters give a flag for each of these graph parameters, whose names
	// are compared without regard to case. A repeated parameter repeats it.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Env is one environment variable; Value may use the placeholders of Server.
type Env struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Runtime is a way to run a container image as processes.
type Runtime struct {
	// Name is shown to the user.
	Name string `json:"name"`
	// Images are patterns of image names as path.Match knows them, with the
	// tag, without the registry's host.
	Images []string `json:"images"`
	// Entry are the names that the image's program goes by. Where a container
	// gives a command or args that begin with one of them, in whatever
	// folder, that word is left out: Command.Program takes its place.
	Entry []string `json:"entry,omitempty"`
	// Commands are tried in order; the first whose program exists is taken.
	Commands []Command `json:"commands,omitempty"`
	// Missing is shown where no command can run.
	Missing string `json:"missing,omitempty"`
}

// Command is a program that stands in for an image's entry point. Args, Default
// and the values of Env may use the placeholders {work} (a folder of the
// container's own), {examples} (a folder of the predictor's, with what its
// servers do not tell of their models), {mount:PATH} (the folder that the container sees at PATH,
// {work} if there is none) and {file:NAME} (the file manifests/python/NAME).
type Command struct {
	// Program is looked up on PATH. "radiant:NAME" is a program that lies
	// beside radiant; "venv:NAME" is one of the virtual environment's.
	Program string `json:"program"`
	// Args come before those of the container.
	Args []string `json:"args,omitempty"`
	// Default are the args where the container gives none.
	Default []string `json:"default,omitempty"`
	// Env is overridden by that of the container.
	Env []Env `json:"env,omitempty"`
	// Unset are variables of the container that make sense in its image only.
	Unset []string `json:"unset,omitempty"`
	// Packages is the set of Python packages that must be in the virtual
	// environment, a file manifests/python/NAME.txt.
	Packages string `json:"packages,omitempty"`
	// Describes are the args with which Python, in that environment, prints what
	// a model takes that is in the folder; none: its server tells.
	Describes []string `json:"describes,omitempty"`
}
