package predictor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// RepositoryAccess is what clients may do with the models of servers. The zero value is
// nothing.
type RepositoryAccess struct {
	// Index is to ask which there are, Load to have some loaded and unloaded.
	Index, Load bool
}

// actions are those that are allowed.
func (r RepositoryAccess) actions() (all []protocol.Action) {
	for _, a := range []protocol.Action{protocol.RepositoryIndex, protocol.RepositoryLoad, protocol.RepositoryUnload} {
		if r.refuse(a) == nil {
			all = append(all, a)
		}
	}
	return all
}

// refuse is an error for what is not allowed.
func (r RepositoryAccess) refuse(a protocol.Action) error {
	switch {
	case a == protocol.RepositoryIndex && !r.Index:
		return protocol.Errorf(protocol.Forbidden, "the setting RADIANT_REPOSITORY_API of this deployment's executor does not allow clients to ask for the models of its servers; index or all does")
	case a != protocol.RepositoryIndex && !r.Load:
		return protocol.Errorf(protocol.Forbidden, "the setting RADIANT_REPOSITORY_API of this deployment's executor does not allow clients to load or unload models; all does")
	}
	return nil
}

// Repository asks servers for their models, or tells one to load or unload a model, if
// clients may. The name of a node means the model that its server has for it. Any other
// name goes to the server as it is, if there is only one.
func (p *Predictor) Repository(ctx context.Context, t protocol.Transport, a protocol.Action, m message.Message) (message.Message, error) {
	if err := p.options.Repository.refuse(a); err != nil {
		return m, err
	}
	servers := p.repositories(t)
	if len(servers) == 0 {
		return m, protocol.Errorf(protocol.Unimplemented, "no node has a server of protocol %s with a %s port", p.options.Outside.Name, t)
	}
	if a == protocol.RepositoryIndex {
		return p.index(ctx, servers, m)
	}
	name := m.Meta.Model.Name
	if name == "" {
		return m, protocol.Errorf(protocol.Invalid, "the request names no model")
	}
	l, model := servers[0], name
	if s := p.named(name); s != nil {
		l, model = p.callers[t].lanes[s.Index], p.nodes[s.Index].model
		if !l.hasRepository() {
			return m, protocol.Errorf(protocol.Unimplemented, "node %q has no server of protocol %s with a %s port", s.Name, p.options.Outside.Name, t)
		}
	} else if len(servers) > 1 {
		return m, protocol.Errorf(protocol.NotFound, "no node is called %s, and the models of others are of several servers: name one of the nodes %s", name, laneNames(servers))
	}
	answer, err := l.repository(ctx, a, model, m)
	for _, other := range p.callers[t].lanes {
		if other.versions != nil && other.server.Host == l.server.Host {
			other.versions.absent.forget()
			other.versions.loaded.Add(1)
		}
	}
	p.tellRepository(a, l, model, m.Meta.Puid, err)
	return answer, protocol.AtNode(err, l.name, repositoryCall(a))
}

func repositoryCall(a protocol.Action) string {
	switch a {
	case protocol.RepositoryIndex:
		return "index"
	case protocol.RepositoryLoad:
		return "load"
	}
	return "unload"
}

// hasRepository reports whether a lane leads to a server whose models clients can ask for
// in their own protocol.
func (l *lane) hasRepository() bool {
	return l.builtin == nil && !l.foreign && l.server.Host != "" && l.dialect().Repository != nil
}

// repositories are lanes to all such servers, one for each server.
func (p *Predictor) repositories(t protocol.Transport) (lanes []*lane) {
	seen := map[string]bool{}
	for _, l := range p.callers[t].lanes {
		if l.hasRepository() && !seen[l.server.Host] {
			seen[l.server.Host] = true
			lanes = append(lanes, l)
		}
	}
	return lanes
}

func laneNames(lanes []*lane) string {
	var names []string
	for _, l := range lanes {
		names = append(names, l.name)
	}
	return strings.Join(names, ", ")
}

// repository sends a request to the node's server.
func (l *lane) repository(ctx context.Context, a protocol.Action, model string, m message.Message) (message.Message, error) {
	switch {
	case l.transport == protocol.GRPC && a != protocol.RepositoryIndex:
		m = protocol.ForRepositoryModel(m, model)
	case l.transport == protocol.REST && len(m.Body) == 0 && m.Parts == nil:
		m.Body, m.Type = []byte("{}"), jsonType // MLServer refuses an index that is asked for without a body.
	}
	return l.send.Send(ctx, l.server.Target(l.dialect().Repository(a, model)), m)
}

// tellRepository writes down that a client has had a model loaded or unloaded, which all
// other clients of the server see.
func (p *Predictor) tellRepository(a protocol.Action, l *lane, model, puid string, err error) {
	if p.options.Log == nil {
		return
	}
	about := []any{"call", repositoryCall(a), "node", l.name, "model", model, "puid", puid}
	if err != nil {
		p.options.Log.Warn("a client has told the server to load or unload a model, which failed", append(about, "error", err.Error())...)
		return
	}
	p.options.Log.Info("a client has had a model loaded or unloaded", about...)
}

// hasNoIndex reports whether an error says that a server does not have this part of the
// protocol, which is an extension: others are asked for their models all the same.
func hasNoIndex(err error) bool {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		return slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}, refusal.Status)
	}
	s, ok := protocol.StatusOf(err)
	return ok && s.Code() == codes.Unimplemented
}

// index is what all servers that tell their models say of them, after one another.
func (p *Predictor) index(ctx context.Context, servers []*lane, m message.Message) (message.Message, error) {
	answers := make([]message.Message, len(servers))
	errs := together(len(servers), func(i int) (err error) {
		meta := *m.Meta
		asked := m
		asked.Meta = &meta
		answers[i], err = servers[i].repository(ctx, protocol.RepositoryIndex, "", asked)
		if err == nil && len(servers) > 1 {
			answers[i], err = protocol.Plain(answers[i])
		}
		return protocol.AtNode(err, servers[i].name, repositoryCall(protocol.RepositoryIndex))
	})
	told := 0
	for i, err := range errs {
		switch {
		case err == nil:
			servers[told], answers[told] = servers[i], answers[i]
			told++
		case !hasNoIndex(err):
			return m, err
		}
	}
	if told == 0 {
		return m, errs[0]
	}
	if len(servers) == 1 {
		answers[0].Meta = m.Meta
		return answers[0], nil
	}
	servers, answers = servers[:told], answers[:told]
	all := message.Message{Answer: true, Meta: m.Meta}
	if servers[0].transport == protocol.GRPC {
		for _, a := range answers { // Messages that follow each other are one with the models of all.
			all.Body = append(all.Body, a.Body...)
		}
		return all, nil
	}
	models := []json.RawMessage{}
	for i, a := range answers {
		var told []json.RawMessage
		if err := json.Unmarshal(a.Body, &told); err != nil {
			return m, protocol.AtNode(protocol.Errorf(protocol.BadAnswer, "reading the index of models: %w", err), servers[i].name, repositoryCall(protocol.RepositoryIndex))
		}
		for _, model := range told {
			models = append(models, bytes.Clone(model))
		}
	}
	all.Type = jsonType
	var err error
	all.Body, err = json.Marshal(models)
	return all, err
}
