package predictor

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/graph"
)

// Versions that are gone are looked for again after absentPause. absentTime bounds
// the question.
const (
	absentPause = time.Second
	absentTime  = 5 * time.Second
)

// absent are versions that have a share of the requests and are not there.
type absent struct {
	mu sync.Mutex
	// gone are their names; looked is when they were looked for.
	gone   map[string]bool
	looked time.Time
	// left is the split between the others while some are gone; nil: none is, or no
	// other is left.
	left *versionSplit
	some atomic.Bool
}

// forget takes all versions to be there.
func (a *absent) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone, a.left = nil, nil
	a.some.Store(false)
}

// without is the split between versions that are there; nil: the server chooses.
func (a *absent) without(rule *versionRule, v *versions) *versionSplit {
	if !a.some.Load() {
		return rule.all
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.looked) > absentPause {
		a.looked = time.Now()
		go v.lookAgain()
	}
	if len(a.gone) == 0 {
		return rule.all
	}
	return a.left
}

// set says which versions are gone.
func (a *absent) set(gone map[string]bool, node string, shares []graph.VersionShare) {
	a.gone = gone
	a.left = newVersionSplit(node, slices.DeleteFunc(slices.Clone(shares), func(s graph.VersionShare) bool { return gone[s.Version] }))
	a.some.Store(len(gone) > 0)
}

// inventoried is what a server said of its versions last.
type inventoried struct {
	mu  sync.Mutex
	at  time.Time
	all []protocol.ModelVersion
	err error
}

// list is which versions of the model the node's server had at a moment or after.
func (v *versions) list(ctx context.Context, meta *message.Meta, moment time.Time) ([]protocol.ModelVersion, error) {
	known := &v.listed
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.at.Before(moment) {
		known.at = time.Now()
		// All share what comes of it, so it does not end with one client.
		known.all, known.err = v.ask(context.WithoutCancel(ctx), meta)
	}
	return known.all, known.err
}

// recently is a moment that lets a server be asked no oftener than each
// [questionPause].
func recently() time.Time { return time.Now().Add(-questionPause) }

func (v *versions) ask(ctx context.Context, meta *message.Meta) ([]protocol.ModelVersion, error) {
	l := v.asks
	if l == nil {
		return nil, errors.ErrUnsupported
	}
	ctx, cancel := context.WithTimeout(ctx, absentTime)
	defer cancel()
	path, body := v.inventory.Ask(v.model)
	asked := &message.Meta{Header: message.NewHeader(map[string][]string{}), Limit: maxMetadata, Lease: meta.Lease, Puid: meta.Puid}
	ask := l.send.Ask
	question := message.Message{Meta: asked}
	if body != nil {
		question.Body, question.Type, ask = body, jsonType, l.send.Send
	}
	answer, err := ask(ctx, l.server.Target(path), question)
	if err == nil {
		answer, err = protocol.Plain(answer)
	}
	if err != nil {
		return nil, err
	}
	all, err := v.inventory.Read(v.model, answer.Body)
	if err != nil || v.inventory.Ready == nil || len(all) < 2 {
		return all, err
	}
	return all, v.askEach(ctx, asked, all)
}

// askEach asks of each version that is told to be available whether it is.
func (v *versions) askEach(ctx context.Context, meta *message.Meta, all []protocol.ModelVersion) error {
	for i := range all {
		one := &all[i]
		if !one.Available || one.Version == "" {
			continue
		}
		question := *meta
		_, err := v.asks.send.Ask(ctx, v.asks.server.Target(v.inventory.Ready(v.model, one.Version)), message.Message{Meta: &question})
		var refusal *protocol.Refusal
		switch {
		case err == nil:
		case errors.As(err, &refusal):
			one.Available, one.State = false, protocol.Unavailable
		default:
			return err
		}
	}
	return nil
}

// present are the versions among all that answer requests.
func present(all []protocol.ModelVersion) (names []string) {
	for _, m := range all {
		if m.Available && m.Version != "" {
			names = append(names, m.Version)
		}
	}
	return names
}

// tells reports whether an answer to a question about versions names any.
func tells(all []protocol.ModelVersion, err error) bool {
	return err == nil && slices.ContainsFunc(all, func(m protocol.ModelVersion) bool { return m.Version != "" })
}

// names are those versions, as far as the server tells.
func (v *versions) names(ctx context.Context, meta *message.Meta) []string {
	all, err := v.list(ctx, meta, recently())
	if err != nil {
		return nil
	}
	return present(all)
}

// missing reports whether an error may say that a version is not there: servers say
// so by 404, by 400 or, of one that was unloaded, by 503, and over gRPC likewise. certain is
// true if it says nothing else.
func missing(err error) (maybe, certain bool) {
	var refusal *protocol.Refusal
	if errors.As(err, &refusal) {
		switch refusal.Status {
		case http.StatusNotFound:
			return true, true
		case http.StatusBadRequest, http.StatusServiceUnavailable:
			return true, false
		}
		return false, false
	}
	s, ok := protocol.StatusOf(err)
	if !ok {
		// What a server does not know it cannot describe, so that nothing can be
		// translated for it.
		return protocol.CodeOf(err) == protocol.Invalid, false
	}
	switch s.Code() {
	case codes.NotFound:
		return true, true
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Unavailable:
		return true, false
	}
	return false, false
}

// lost reports whether a call failed since its version is gone, which is noted: its
// share goes to the others until it is back.
func (v *versions) lost(ctx context.Context, meta *message.Meta, version string, err error) bool {
	maybe, certain := missing(err)
	if !maybe || ctx.Err() != nil {
		return false
	}
	v.absent.mu.Lock()
	known := v.absent.gone[version]
	v.absent.mu.Unlock()
	if known {
		return true
	}
	moment := time.Now()
	if !certain {
		moment = recently()
	}
	all, asking := v.list(ctx, meta, moment)
	there := present(all)
	if !tells(all, asking) && !certain || slices.Contains(there, version) {
		return false
	}
	rule := v.rule.Load()
	v.absent.mu.Lock()
	defer v.absent.mu.Unlock()
	if v.absent.gone[version] || v.rule.Load() != rule {
		return true
	}
	gone := map[string]bool{version: true}
	for other := range v.absent.gone {
		gone[other] = true
	}
	v.absent.looked = time.Now()
	v.absent.set(gone, v.node, rule.Traffic)
	v.log.Warn("a version of the model is gone: the others get its share of the requests", "node", v.node, "version", version, "versions", there)
	return true
}

// lookAgain asks whether versions that were gone are back.
func (v *versions) lookAgain() {
	var pool message.Pool
	lease := pool.Lease()
	defer lease.Release()
	rule := v.rule.Load()
	all, err := v.list(context.Background(), &message.Meta{Lease: lease}, time.Now())
	there := present(all)
	v.absent.mu.Lock()
	defer v.absent.mu.Unlock()
	if v.rule.Load() != rule {
		return
	}
	var refusal *protocol.Refusal
	switch {
	case tells(all, err):
	case err == nil, errors.As(err, &refusal), errors.Is(err, errors.ErrUnsupported):
		there = slices.Collect(maps.Keys(v.absent.gone)) // The server never tells: requests will.
	default:
		return
	}
	gone := map[string]bool{}
	for version := range v.absent.gone {
		if !slices.Contains(there, version) {
			gone[version] = true
			continue
		}
		v.log.Info("a version of the model is back, with its share of the requests", "node", v.node, "version", version)
	}
	if len(gone) < len(v.absent.gone) {
		v.absent.set(gone, v.node, rule.Traffic)
	}
}

// explained is the error of a call that a client asked a version for: where there is
// no such version, it says which ones there are.
func (v *versions) explained(ctx context.Context, meta *message.Meta, version string, err error) error {
	if maybe, _ := missing(err); !maybe || ctx.Err() != nil {
		return err
	}
	all, asking := v.list(ctx, meta, recently())
	there := present(all)
	if asking != nil || len(all) == 0 || slices.Contains(there, version) {
		return err
	}
	text := "none is available"
	if len(there) > 0 {
		text = "available: " + strings.Join(there, ", ")
	}
	for _, m := range all {
		if m.Version == version {
			return protocol.Errorf(protocol.NotFound, "version %s of the model %s is %s; %s", version, v.model, m.State, text)
		}
	}
	return protocol.Errorf(protocol.NotFound, "the model %s has no version %s; %s", v.model, version, text)
}
