package predictor

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
	"github.com/prime-radiant/radiant/executor/upstream"
	"github.com/prime-radiant/radiant/graph"
)

// TestOneQuestionWithoutAnAnswerChangesNothing: what a server said of its versions stands
// until it has not answered some questions in a row, or says that it has no such model.
func TestOneQuestionWithoutAnAnswerChangesNothing(t *testing.T) {
	answer := func(version string) error { return errors.New(version) }
	var next error
	n := modelNode("m")
	n.ModelRefresh = "60s"
	p := build(t, "tensorflow", n, func(_ *upstream.Target, m message.Message) (message.Message, error) {
		if version, ok := strings.CutPrefix(next.Error(), "has "); ok {
			m.Body, m.Type = []byte(`{"model_version_status":[{"version":"`+version+`","state":"AVAILABLE"}]}`), "application/json"
			return m, nil
		}
		return m, next
	})
	away := errors.New("connection refused")
	starting := &protocol.Refusal{Status: http.StatusServiceUnavailable}
	for i, c := range []struct {
		next error
		want string
	}{
		{away, ""},
		{answer("has 7"), "7"},
		{away, "7"},
		{starting, "7"},
		{answer("has 7"), "7"},
		{away, "7"},
		{away, "7"},
		{answer("has 8"), "8"},
		{away, "8"},
		{starting, "8"},
		{away, ""},
		{away, ""},
		{answer("has 9"), "9"},
		{&protocol.Refusal{Status: http.StatusNotFound}, ""},
	} {
		next = c.next
		var want []VersionState
		if c.want != "" {
			want = []VersionState{{"m", c.want, "AVAILABLE"}}
		}
		if diff := cmp.Diff(want, p.RefreshedVersions(t.Context(), nil)); diff != "" {
			t.Errorf("after answer %d, %v: -want +got:\n%s", i, c.next, diff)
		}
	}
}

// TestServersAreAskedAtOnce: a server that is silent holds up no question to another.
func TestServersAreAskedAtOnce(t *testing.T) {
	first, second := modelNode("a"), modelNode("b")
	first.ModelRefresh, second.ModelRefresh = "60s", "60s"
	first.Children = []graph.Node{second}
	var both sync.WaitGroup
	both.Add(2)
	p := build(t, "tensorflow", first, func(_ *upstream.Target, m message.Message) (message.Message, error) {
		both.Done()
		both.Wait() // Each waits for the other to be asked.
		m.Body, m.Type = []byte(`{"model_version_status":[{"version":"1","state":"LOADING"}]}`), "application/json"
		return m, nil
	})
	want := []VersionState{{"a", "1", "LOADING"}, {"b", "1", "LOADING"}}
	if diff := cmp.Diff(want, p.RefreshedVersions(t.Context(), nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
