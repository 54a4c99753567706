package local

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/manifests"
)

// asked is how a deployment is asked for a prediction, as the document of its
// executor says it in x-call.
type asked struct {
	// Path follows the deployment's prefix, with a slash in front.
	Path    string          `json:"path"`
	Request json.RawMessage `json:"request"`
	// Known is true if the request is made for this very model.
	Known bool `json:"known"`
	GRPC  *struct {
		Method  string          `json:"method"`
		Request json.RawMessage `json:"request"`
	} `json:"grpc"`
}

// generalCall is how a deployment is asked that has no executor to tell.
func generalCall(d *v1.SeldonDeployment, call exampleCall) asked {
	a := asked{Path: "/" + strings.ReplaceAll(call.path, "MODEL", d.Spec.Predictors[0].Graph.Name), Request: json.RawMessage(call.body)}
	if call.sameOverGRPC {
		_ = json.Unmarshal([]byte(`{"method":"`+call.method+`","request":`+call.body+`}`), &a.GRPC) // It is JSON.
	}
	return a
}

// askTime bounds the question for a deployment's document, learnTime the wait
// for what is read from models.
const (
	askTime   = 6 * time.Second
	learnTime = time.Minute
)

// askedOf finds out how to ask a deployment: its executor's document says so.
func askedOf(ctx context.Context, d *v1.SeldonDeployment, g *generation, servers manifests.Servers) asked {
	call := exampleCalls()[d.Spec.Protocol.Canonical()]
	general := generalCall(d, call)
	if g.predictor.NoExecutor() {
		return general
	}
	learning, cancel := context.WithTimeout(ctx, learnTime)
	defer cancel()
	for _, p := range g.running() {
		select {
		case <-p.described:
		case <-learning.Done():
		}
	}
	text, err := g.fetch(ctx, "/"+call.docs+call.document+".json")
	var document struct {
		Call asked `json:"x-call"`
	}
	if err != nil || json.Unmarshal(text, &document) != nil || len(document.Call.Request) == 0 {
		return general
	}
	if !g.takesGRPC(servers) {
		document.Call.GRPC = nil
	}
	return document.Call
}

// takesGRPC reports whether the servers of all nodes listen for gRPC, as far as a
// request over gRPC reaches them over gRPC.
func (g *generation) takesGRPC(servers manifests.Servers) bool {
	takes, outside := true, g.deployment.Spec.Protocol.Canonical()
	g.predictor.Graph.Walk(func(_ string, n *graph.Node) {
		ports, runs := g.ports.byName[n.Name]
		if speaks(n, servers, outside).RESTOnly() {
			return
		}
		if graph.BuiltinOf(n.Implementation) == graph.NotBuiltin && runs && process.PortFree(ports.GRPC) {
			takes = false
		}
	})
	return takes
}

// speaks is the protocol of a node's server.
func speaks(n *graph.Node, servers manifests.Servers, outside v1.Protocol) v1.Protocol {
	if n.Endpoint != nil && n.Endpoint.Protocol != "" {
		return v1.Protocol(n.Endpoint.Protocol).Canonical()
	}
	if known, ok := servers.Servers[n.Implementation]; ok {
		return v1.Protocol(known.For(string(outside)).Protocol)
	}
	return outside
}

// fetch asks the generation's executor for one of its own pages.
func (g *generation) fetch(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	scheme, client := "http", &http.Client{}
	if g.predictor.SSL != nil {
		scheme = "https"
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // The certificate is that of a host in a cluster, and the server is a process of ours.
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+process.Address(g.http)+path, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the executor: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the executor: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking the executor for %s: %s", path, resp.Status)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("asking the executor: %w", err)
	}
	return text, nil
}
