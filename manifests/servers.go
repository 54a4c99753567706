// Package manifests carries the data files that ship inside the programs.
package manifests

// Servers is the content of servers.yaml.
type Servers struct {
	// Servers are the prepackaged servers by the name that a node's
	// implementation gives, such as SKLEARN_SERVER.
	Servers map[string]Server `json:"servers"`
	// Runtimes say how an image runs as a process on this machine. The first
	// one with a matching image is taken.
	Runtimes []Runtime `json:"runtimes"`
}

// Server describes one prepackaged model server as a container.
//
// Command, Args and the values of Env may use these placeholders: {node} (the
// node's name), {model} (the name that the server knows the model by: the
// parameter model_name where the executor translates, else the node's name),
// {modelDir}, {modelUri}, {namespace}, {httpPort}, {grpcPort}, {metricsPort}.
type Server struct {
	// Protocol is the wire protocol that the server speaks.
	Protocol string `json:"protocol"`
	// Outside lists the protocols of predictors that the server may serve,
	// its own and those that the executor translates.
	Outside []string `json:"outside"`
	Image   string   `json:"image"`
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Env     []Env    `json:"env,omitempty"`
	// ReadyPath and LivePath are probed by HTTP; empty: a TCP connect.
	ReadyPath string `json:"readyPath,omitempty"`
	LivePath  string `json:"livePath,omitempty"`
	// ModelURIOptional is true for servers that can do without model files.
	ModelURIOptional bool `json:"modelUriOptional,omitempty"`
	// Direct is set for servers that can fetch a model themselves.
	Direct *Direct `json:"direct,omitempty"`
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
	// Commands are tried in order; the first whose program exists is taken.
	Commands []Command `json:"commands,omitempty"`
	// Missing is shown where no command can run.
	Missing string `json:"missing,omitempty"`
}

// Command is a program that stands in for an image's entry point. The
// container's own args follow Args.
type Command struct {
	// Program is looked up on PATH. "radiant:NAME" is a program that lies
	// beside radiant; "venv:NAME" is one of the virtual environment's.
	Program string   `json:"program"`
	Args    []string `json:"args,omitempty"`
	Env     []Env    `json:"env,omitempty"`
	// Packages is the set of Python packages that must be in the virtual
	// environment, a file manifests/python/NAME.txt.
	Packages string `json:"packages,omitempty"`
}
