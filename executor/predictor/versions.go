package predictor

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/executor/builtin"
	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// VersionCounter counts what versions of models answered.
type VersionCounter interface {
	// Shares is told of a version that has a share of a node's requests.
	Shares(node, version string)
	// Answered is told of a call that a version of a node's model was chosen for, when
	// it began and what came of it.
	Answered(node, version string, began time.Time, err error)
}

// versions is what is known of the versions of a node's model: which of them
// answers a request, and which are there.
type versions struct {
	node, model string
	step        int
	inventory   *protocol.Inventory
	// asks is the way to the node's server by which it is asked, over REST.
	asks *lane
	// numbered is true if versions are whole numbers.
	numbered bool
	random   builtin.Random
	log      *slog.Logger
	// counter is nil where nobody counts.
	counter VersionCounter
	// counted are versions that have been told to it, the first countedSize.
	counted     sync.Map
	countedSize atomic.Int32

	rule atomic.Pointer[versionRule]
	// ruling guards what the rule is made of: what the user says, and the version that
	// is preferred where that has no shares; empty: none is.
	ruling    sync.Mutex
	said      versionRule
	preferred string

	// loaded counts how often the server is known to have loaded or dropped something:
	// answers from before are not given again.
	loaded atomic.Uint64

	absent absent
	listed inventoried
	// refreshed is for nodes with modelRefresh; one goroutine asks.
	refreshed refreshed
}

// versionRule is what the user says of the versions, ready to be asked.
type versionRule struct {
	graph.Versions
	declared bool
	// isPreferred is true if the shares are of the version that is preferred.
	isPreferred bool
	sticky      builtin.Sticky
	// all splits between all shares.
	all *versionSplit
}

// versionSplit is a split between shares; nil: there are none.
type versionSplit struct {
	shares []graph.VersionShare
	split  *builtin.Split
}

func newVersionSplit(node string, shares []graph.VersionShare) *versionSplit {
	names, weights := []string{}, []float64{}
	s := &versionSplit{}
	for _, share := range shares {
		if share.Percent > 0 {
			s.shares = append(s.shares, share)
			names, weights = append(names, share.Name), append(weights, float64(share.Percent))
		}
	}
	if len(s.shares) == 0 {
		return nil
	}
	s.split = builtin.NewSplit(node, names, weights)
	return s
}

// newVersions is for a node whose server has versions; nil: it has none.
func newVersions(n *node, s *graph.Step, o *Options) (*versions, error) {
	if n.speaks.Versions == nil || n.builtin != nil {
		return nil, nil
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	v := &versions{node: n.name, model: n.model, step: n.step, inventory: n.speaks.Versions, random: o.Random, log: log, counter: o.Versions}
	v.numbered = len(n.speaks.Dialects[protocol.GRPC].Label) > 0
	return v, v.follow(s.Node)
}

// follow takes what a node says of its versions.
func (v *versions) follow(n *graph.Node) error {
	said, faults := n.Versions(v.numbered)
	if len(faults) > 0 {
		return fmt.Errorf("node %q: %w", n.Name, faults[0])
	}
	v.ruling.Lock()
	defer v.ruling.Unlock()
	v.said = versionRule{
		Versions: said, declared: n.DeclaresVersions(),
		sticky: builtin.Sticky{Header: said.StickyHeader, Key: said.StickyKey},
	}
	v.decide()
	return nil
}

// prefer has requests that name no version answered by this one, where no shares are
// said; empty: the server chooses. MLServer chooses the newest from when it begins to
// load it, and has requests fail until it has.
func (v *versions) prefer(version string) {
	v.ruling.Lock()
	defer v.ruling.Unlock()
	if v.preferred != version {
		v.preferred = version
		v.decide()
	}
}

// decide makes the rule.
func (v *versions) decide() {
	rule := v.said
	if v.preferred != "" && len(rule.Traffic) == 0 {
		rule.isPreferred = true
		rule.Traffic = []graph.VersionShare{{Name: v.preferred, Version: v.preferred, Percent: 100}}
	}
	rule.all = newVersionSplit(v.node, rule.Traffic)
	v.rule.Store(&rule)
	v.absent.forget()
	for _, share := range rule.Traffic {
		if v.counter != nil {
			v.counter.Shares(v.node, share.Version)
		}
	}
}

// HasVersions reports whether some node's server has versions of its model.
func (p *Predictor) HasVersions() bool { return p.versions }

// FollowVersions takes what nodes say of their versions from now on, by their names.
// With an error nothing has changed.
func (p *Predictor) FollowVersions(all map[string]graph.LiveVersions) error {
	changed := map[*versions]*graph.Node{}
	for i, n := range p.nodes {
		if n.versions == nil {
			continue
		}
		said := all[n.name] // Where nothing is said any more, the server chooses.
		node := *p.plan.Steps[i].Node
		node.GiveVersions(said)
		if _, faults := node.Versions(n.versions.numbered); len(faults) > 0 {
			return fmt.Errorf("node %q: %w", n.name, faults[0])
		}
		changed[n.versions] = &node
	}
	for v, node := range changed {
		if err := v.follow(node); err != nil {
			return err
		}
		if node.DeclaresVersions() {
			p.declares.Store(true)
		}
	}
	return nil
}

// choice is the version of a model that is to answer. The zero value leaves it to
// the server.
type choice struct {
	version, label string
	// shared is true if the node's shares chose it, and not the client.
	shared bool
}

// asksVersion is what the client asks for in a header; empty: nothing.
func asksVersion(meta *message.Meta) string {
	return cmp.Or(meta.AskedVersion, meta.Header.First(protocol.HeaderVersion))
}

// wantedVersion is the version, or the label, that a client asks of the node: in the
// words of its protocol, or else in the header; empty: none.
func (l *lane) wantedVersion(meta *message.Meta) string {
	m := meta.Model
	if asked := cmp.Or(m.Version, m.Label); asked != "" && (m.Name == "" || m.Name == l.name || m.Name == l.model || !l.models[m.Name]) {
		return asked
	}
	if meta.Versions == nil || meta.Versions.Asked == "" {
		return ""
	}
	return protocol.AskedVersion(meta.Versions.Asked, l.name)
}

// resolve finds the version that a client means by a word.
func (v *versions) resolve(word string) (choice, error) {
	labels := v.rule.Load().Labels
	if version, ok := labels[word]; ok {
		return choice{version: version}, nil
	}
	switch {
	case word == "." || word == "..":
		// In a path these would lead elsewhere.
		return choice{}, protocol.Errorf(protocol.NotFound, "the model %s has no version %q", v.model, word)
	case !v.numbered:
		return choice{version: word}, nil
	case strings.Trim(word, "0123456789") == "":
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return choice{}, protocol.Errorf(protocol.NotFound, "the model %s has no version %s", v.model, word)
		}
		return choice{version: strconv.FormatInt(n, 10)}, nil
	case len(labels) == 0:
		// The server may have labels of its own.
		return choice{label: word}, nil
	}
	return choice{}, protocol.Errorf(protocol.NotFound, "the model %s has no version with the label %q; it has %s", v.model, word, labelText(labels))
}

// choose finds the version that is to answer a request.
func (l *lane) choose(ctx context.Context, m message.Message) (choice, error) {
	v := l.versions
	if word := l.wantedVersion(m.Meta); word != "" {
		return v.resolve(word)
	}
	rule := v.rule.Load()
	split := v.absent.without(rule, v)
	if split == nil {
		return choice{}, nil
	}
	user, err := rule.sticky.User(ctx, builtin.NewMessage(m, l.form(), l.step))
	switch {
	case err != nil:
		return choice{}, err
	case user != "":
		return choice{version: split.shares[split.split.Of(user)].Version, shared: true}, nil
	}
	return choice{version: split.shares[split.split.At(v.random())].Version, shared: true}, nil
}

// usual is the version that most requests are for; empty: the server chooses.
func (v *versions) usual() (version string) {
	most := int32(0)
	for _, share := range v.rule.Load().Traffic {
		if share.Percent > most {
			version, most = share.Version, share.Percent
		}
	}
	return version
}

func labelText(labels map[string]string) string {
	var all []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, label+" (version "+labels[label]+")")
	}
	return strings.Join(all, ", ")
}

// versioned makes a call on the version of the model that is to answer. A version
// that a share chose and that is gone leaves the request to the other shares, and to
// the server in the end.
func (l *lane) versioned(next link) link {
	if l.versions == nil || l.server.Host == "" {
		return next
	}
	return func(ctx context.Context, m message.Message) (message.Message, error) {
		began := time.Now()
		for {
			picked, err := l.choose(ctx, m)
			if err != nil {
				return m, err
			}
			answer, err := withVersion(ctx, m, picked, next)
			switch {
			case err == nil:
				l.tellVersion(m.Meta, picked, answer, began)
			case picked.shared && l.versions.lost(ctx, m.Meta, picked.version, err):
				continue
			case picked.shared:
				l.versions.count(picked.version, began, err)
			case picked.version != "":
				err = l.versions.explained(ctx, m.Meta, picked.version, err)
			}
			return answer, err
		}
	}
}

// withVersion makes a call of which the message says which version is meant.
func withVersion(ctx context.Context, m message.Message, picked choice, next link) (message.Message, error) {
	if m.Meta.Model.Version == picked.version && m.Meta.Model.Label == picked.label {
		return next(ctx, m)
	}
	all := m.Meta
	meta := *all
	meta.Model.Version, meta.Model.Label = picked.version, picked.label
	m.Meta = &meta
	answer, err := next(ctx, m)
	// What was changed was for this call alone.
	answer.Meta = all
	return answer, err
}

// ofVersion is a request of a stream, for the version that is to answer it. What
// names no version that is known goes on as it is.
func (l *lane) ofVersion(ctx context.Context, m message.Message) message.Message {
	if l.versions == nil {
		return m
	}
	if m.Meta.Versions == nil {
		meta := *m.Meta
		meta.Versions = message.NewVersions(asksVersion(&meta), l.step+1)
		m.Meta = &meta
	}
	picked, err := l.choose(ctx, m)
	if err != nil {
		return m
	}
	return l.dialect().ForVersion(m, cmp.Or(picked.version, picked.label))
}

// tellVersion notes which version answered.
func (l *lane) tellVersion(meta *message.Meta, picked choice, answer message.Message, began time.Time) {
	version := picked.version
	if version == "" && meta.Versions != nil {
		version = protocol.StringAt(answer.Body, l.clients().Answered)
	}
	if version == "" {
		return
	}
	meta.Versions.Answer(l.step, version)
	l.versions.count(version, began, nil)
}

// answered is which versions answered, as [protocol.HeaderVersion] has it.
func (p *Predictor) answered(v *message.Versions) (value string) {
	for i := range p.plan.Steps {
		value = protocol.AppendVersion(value, p.plan.Steps[i].Name, v.Answered(i))
	}
	return value
}

// otherVersions is what versions are counted as beyond the first [mostSpecs].
const otherVersions = "other"

func (v *versions) count(version string, began time.Time, err error) {
	if v.counter != nil {
		if _, known := v.counted.Load(version); !known {
			// Clients name versions, and each would be a series for good.
			if v.countedSize.Load() >= mostSpecs {
				version = otherVersions
			} else if _, known := v.counted.LoadOrStore(version, true); !known {
				v.countedSize.Add(1)
			}
		}
		v.counter.Answered(v.node, version, began, err)
	}
}
