package predictor

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/bento"
	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/policy"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// node is what a step needs besides its place in the plan.
type node struct {
	name string
	// step is the index of its step in the plan.
	step int
	// builtin is nil unless the node runs inside the executor.
	builtin builtin.Node
	// speaks is the protocol of the node's server; foreign: not the clients'.
	speaks  *protocol.Protocol
	foreign bool
	// model is what the server knows its model as, unless the client says.
	model string
	// models are those of all nodes of the graph; nil: there is no other.
	models map[string]bool
	// last are the calls whose answer is that of the graph.
	last graph.Calls
	// servers are by transport; no host: the node cannot be reached so.
	servers [2]upstream.Server
	// versions is nil for nodes whose server has none.
	versions *versions
	// payloads, policy and fallback are nil where there is none.
	payloads Payloads
	policy   *policy.Policy
	fallback *fallback
	// batch and cache are nil where the policy has none; a nil batchMeter counts
	// nothing.
	batch      *graph.Batch
	batchMeter *policy.BatchMeter
	cache      *policy.Cache[message.Message]
	// translation is for foreign nodes.
	translation translate.Options
}

func newNode(s *graph.Step, o Options) (*node, error) {
	n := &node{name: s.Name, step: s.Index, speaks: o.Outside, model: s.Name}
	if _, ok := o.Builtins[s.Node.Implementation]; ok {
		var err error
		n.builtin, err = o.Builtins.New(s, &o.Nodes)
		return n, err
	}
	e := s.Node.Endpoint
	if e == nil || e.ServiceHost == "" {
		if s.Calls != 0 {
			return n, fmt.Errorf("node %q: is called, but has no endpoint.service_host", s.Name)
		}
		return n, nil
	}
	if e.Protocol != "" {
		p, err := protocol.LookupServer(e.Protocol)
		if err != nil {
			return n, fmt.Errorf("node %q: endpoint.protocol: %w", s.Name, err)
		}
		n.speaks, n.foreign = p, p.Name != o.Outside.Name
	}
	n.servers = servers(e)
	if n.servers == [2]upstream.Server{} && s.Calls != 0 {
		return n, fmt.Errorf("node %q: endpoint has no httpPort, grpcPort or service_port", s.Name)
	}
	if n.foreign {
		n.translation = translation(s.Node, o.Outside)
		if api, ok := s.Node.Parameter(bento.Parameter); ok && api != "" && n.speaks.Routed {
			n.translation.Signature, n.translation.Model = api, api
		}
		n.model = n.translation.Model
	}
	var err error
	if n.versions, err = newVersions(n, s, &o); err != nil {
		return n, err
	}
	return n, n.setPolicy(s, o)
}

// servers reads an endpoint. A document written by hand may have service_port
// alone, whose transport is the endpoint's type.
func servers(e *graph.Endpoint) [2]upstream.Server {
	ports := [2]int32{protocol.REST: e.HTTPPort, protocol.GRPC: e.GRPCPort}
	if ports == [2]int32{} {
		if e.Type == graph.GRPC {
			ports[protocol.GRPC] = e.ServicePort
		} else {
			ports[protocol.REST] = e.ServicePort
		}
	}
	var all [2]upstream.Server
	for t, port := range ports {
		if port > 0 {
			all[t] = upstream.Server{Host: net.JoinHostPort(e.ServiceHost, strconv.Itoa(int(port))), TLS: e.TLS}
		}
	}
	return all
}

// asked is the model that a request wants of this node: a client's own words
// are meant for servers of its protocol. The name of another node's model is
// meant for that one alone. Of servers that have versions, what is asked was
// chosen before ([lane.versioned]).
func (n *node) asked(meta *message.Meta) message.Model {
	m := meta.Model
	switch {
	case n.foreign && n.versions != nil:
		return message.Model{Name: n.model, Version: m.Version, Label: m.Label}
	case n.foreign:
		return message.Model{Name: n.model}
	case m.Name == "":
		m.Name = n.model
	case n.models[m.Name] && m.Name != n.model:
		m.Name = n.model
		if n.versions == nil {
			m.Version, m.Label = "", ""
		}
	}
	return m
}

// translation reads the node's parameters.
func translation(n *graph.Node, outside *protocol.Protocol) translate.Options {
	o := translate.Options{Node: n.Name, Model: n.Name}
	for _, f := range []struct {
		parameter string
		value     *string
	}{
		{"model_name", &o.Model},
		{"signature_name", &o.Signature},
		{"model_input", &o.Input},
		{"model_output", &o.Output},
	} {
		if v, ok := n.Parameter(f.parameter); ok && v != "" {
			*f.value = v
		}
	}
	kind, _ := n.Parameter("xtype")
	o.MLServer, o.Columns = runtimes()[n.Implementation], strings.EqualFold(kind, "DataFrame")
	if outside.Name == "seldon" && n.Implementation == "SKLEARN_SERVER" {
		o.Outputs = []string{defaultMethod}
		if method, ok := n.Parameter("method"); ok && method != "" {
			o.Outputs[0] = method
		}
	}
	return o
}

// defaultMethod is what the scikit-learn server of Seldon Core v1 answered
// with unless told otherwise: clients of its protocol know it so.
const defaultMethod = "predict_proba"

// runtimes are those of MLServer that stand between it and models of tables.
func runtimes() map[string]translate.Runtime {
	return map[string]translate.Runtime{
		"SKLEARN_SERVER":  translate.Arrays,
		"XGBOOST_SERVER":  translate.Arrays,
		"LIGHTGBM_SERVER": translate.Arrays,
		"MLFLOW_SERVER":   translate.AsTold,
	}
}
