package predictor

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// TestAnswersOfAnotherVersionAreNotGivenAgain: what a cache keeps is forgotten when the
// server has other versions, by itself or because a client had it load some, which is
// written down.
func TestAnswersOfAnotherVersionAreNotGivenAgain(t *testing.T) {
	version, calls := "3", 0
	answers := func(to *upstream.Target, m message.Message) (message.Message, error) {
		m.Type = "application/json"
		switch path := to.Path; {
		case strings.HasPrefix(path, "/v2/repository/models/"):
			m.Body = []byte("{}")
		case strings.HasSuffix(path, "/infer"), strings.HasSuffix(path, ":predict"):
			calls++
			m.Body = []byte(`{"outputs":[]}`)
		case path == "/v1/models/m":
			m.Body = []byte(`{"model_version_status":[{"version":"` + version + `","state":"AVAILABLE"}]}`)
		default:
			t.Errorf("the server is asked for %s", path)
		}
		m.Answer = true
		return m, nil
	}
	predicts := func(p *Predictor, want int) {
		t.Helper()
		m := message.Message{Body: []byte(`{"inputs":[]}`), Type: "application/json", Meta: &message.Meta{}}
		if _, err := p.Predict(t.Context(), protocol.REST, m); err != nil {
			t.Fatal(err)
		}
		if calls != want {
			t.Errorf("there were %d calls, want %d", calls, want)
		}
	}
	kept := modelNode("m")
	kept.Policy = &graph.Policy{Cache: &graph.Cache{TTL: "1h"}}
	refreshed := kept
	refreshed.ModelRefresh = "60s"
	p := build(t, "tensorflow", refreshed, answers)
	p.RefreshedVersions(t.Context(), nil)
	predicts(p, 1)
	p.RefreshedVersions(t.Context(), nil)
	predicts(p, 1)
	version = "7"
	p.RefreshedVersions(t.Context(), nil)
	predicts(p, 2)

	calls = 0
	var log bytes.Buffer
	p = build(t, "v2", kept, answers)
	p.options.Repository = RepositoryAccess{Index: true, Load: true}
	p.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	predicts(p, 1)
	predicts(p, 1)
	for i, action := range []protocol.Action{protocol.RepositoryLoad, protocol.RepositoryUnload} {
		m := message.Message{Meta: &message.Meta{Puid: "who", Model: message.Model{Name: "m"}}}
		if _, err := p.Repository(t.Context(), protocol.REST, action, m); err != nil {
			t.Fatal(err)
		}
		predicts(p, 2+i)
		if want := "call=" + repositoryCall(action) + " node=m model=m puid=who"; !strings.Contains(log.String(), want) {
			t.Errorf("the log is %s, want %s", &log, want)
		}
	}
}
