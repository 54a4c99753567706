// Package graph is the vocabulary of an inference graph and the algorithm
// that walks it: what a node is ([Node]), what runs ([Plan]) and how a request
// passes through ([Predict], [Feedback]). It imports the standard library
// alone; everything it knows of the world outside is [Caller].
package graph

// +kubebuilder:object:generate=true

// Node is one element of a predictor's graph as the user wrote it in a
// SeldonDeployment (a "predictive unit" there). The JSON names are those of
// the machinelearning.seldon.io API; Policy, ModelRefresh, VersionTraffic,
// Endpoint.Protocol, Endpoint.TLS and some of Logger are Radiant's additions.
type Node struct {
	// Name identifies the node in its graph, names the container that serves
	// it and is the default model name.
	Name string `json:"name"`
	// Children are numbered from 0 in the order given. A router answers with the
	// number of the child that gets the message.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=array
	Children []Node `json:"children,omitempty"`
	// Type says which calls the node takes. Empty is allowed, see [Compile].
	Type Type `json:"type,omitempty"`
	// Implementation is a built-in of this program ([Builtin]) or the name of
	// a prepackaged server (SKLEARN_SERVER, ...), which the executor ignores.
	Implementation string `json:"implementation,omitempty"`
	// Methods adds calls to those of Type.
	Methods []Method `json:"methods,omitempty"`
	// Endpoint is where the node's server listens; nil or an empty host for
	// nodes that run inside the executor.
	Endpoint *Endpoint `json:"endpoint,omitempty"`
	// Parameters are handed to the node's server, or read by a built-in.
	Parameters []Parameter `json:"parameters,omitempty"`
	// ModelURI is the place the model's files are fetched from.
	ModelURI string `json:"modelUri,omitempty"`
	// ServiceAccountName names the account whose secrets open ModelURI.
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// EnvSecretRefName names a Secret whose keys become environment of the
	// container that fetches ModelURI.
	EnvSecretRefName string `json:"envSecretRefName,omitempty"`
	// StorageInitializerImage replaces the image that fetches ModelURI.
	StorageInitializerImage string `json:"storageInitializerImage,omitempty"`
	// ModelRefresh has ModelURI looked at for new versions again and again: a
	// duration such as 60s. A server that loads its model once takes them by new
	// pods. Empty: it is fetched once.
	ModelRefresh string `json:"modelRefresh,omitempty"`
	// VersionTraffic shares the node's requests between versions of its model, in
	// percent, by version or by label.
	VersionTraffic map[string]int32 `json:"versionTraffic,omitempty"`
	// Policy bounds and mends the calls on the node.
	Policy *Policy `json:"policy,omitempty"`
	// Logger asks for this node's payloads to be sent elsewhere as well.
	Logger *Logger `json:"logger,omitempty"`
}

// +kubebuilder:object:generate=true

// Endpoint is the address of a node's server.
type Endpoint struct {
	ServiceHost string `json:"service_host,omitempty"`
	// ServicePort is the port that readiness is judged by. 0: not judged.
	ServicePort int32 `json:"service_port,omitempty"`
	// Type is REST or GRPC.
	Type     EndpointType `json:"type,omitempty"`
	HTTPPort int32        `json:"httpPort,omitempty"`
	GRPCPort int32        `json:"grpcPort,omitempty"`
	// TLS is true if the server takes connections over TLS alone.
	TLS bool `json:"tls,omitempty"`
	// Protocol is the wire protocol that the server speaks: seldon,
	// tensorflow, v2 or bentoml. Empty means the predictor's outside protocol. Where
	// the two differ the executor translates.
	Protocol string `json:"protocol,omitempty"`
}

// +kubebuilder:object:generate=true

// Parameter is a named value with a declared type; the value is always text.
type Parameter struct {
	Name  string        `json:"name"`
	Value string        `json:"value"`
	Type  ParameterType `json:"type"`
}

// +kubebuilder:object:generate=true

// Logger configures payload logging of one node.
type Logger struct {
	URL  *string    `json:"url,omitempty"`
	Mode LoggerMode `json:"mode,omitempty"`
	// SamplePercent is the share of requests that are logged, 0 to 100, and
	// Redact names fields whose values are not sent: members of JSON objects at
	// any depth, columns and tensors. Both are Radiant's additions.
	SamplePercent *int32   `json:"samplePercent,omitempty"`
	Redact        []string `json:"redact,omitempty"`
}

// Parameter returns the value of the named parameter; the last one wins where
// a name is repeated, as in the reference's Python wrapper.
func (n *Node) Parameter(name string) (value string, ok bool) {
	for i := range n.Parameters {
		if n.Parameters[i].Name == name {
			value, ok = n.Parameters[i].Value, true
		}
	}
	return value, ok
}

// Walk calls visit for n and all nodes below it, parents first, children in
// order. The path is that of the node inside the graph, in the API's own
// terms: "graph", "graph.children[1]", ...
func (n *Node) Walk(visit func(path string, node *Node)) { n.walk("graph", visit) }

func (n *Node) walk(path string, visit func(string, *Node)) {
	visit(path, n)
	for i := range n.Children {
		n.Children[i].walk(childPath(path, i), visit)
	}
}
