package protocol

import (
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// TestRowsAreComplete holds what [Protocol] and [Dialect] say of their fields.
func TestRowsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range All() {
		t.Run(p.Name, func(t *testing.T) {
			for _, name := range append([]string{p.Name}, p.Synonyms...) {
				if name == "" || seen[name] {
					t.Errorf("the name %q is empty or taken", name)
				}
				seen[name] = true
			}
			if len(p.Operations) == 0 || len(p.Methods) == 0 || len(p.Docs) == 0 || p.Document == "" {
				t.Error("operations, methods, docs or document are not given")
			}
			if p.Failure == nil || p.FailureText == nil {
				t.Fatal("failures are not written or not read")
			}
			if text := p.FailureText(p.Failure(500, "why")); text != "why" {
				t.Errorf("of a failure of its own it reads %q", text)
			}
			for transport := range p.Dialects {
				checkDialect(t, p, Transport(transport))
			}
		})
	}
}

func checkDialect(t *testing.T, p *Protocol, over Transport) {
	t.Helper()
	d, m := &p.Dialects[over], message.Model{Name: "m"}
	if d.Form == translate.NoForm || d.Target == nil || d.Query == nil || d.Describe == nil {
		t.Fatalf("over %s form, target, query or describe is not given", over)
	}
	for _, c := range []graph.Call{graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput, graph.CallRoute} {
		if d.Target(c, m) == "" {
			t.Errorf("over %s there is no %s", over, c)
		}
	}
	if takes := d.Target(graph.CallSendFeedback, m) != ""; takes != p.Feedback {
		t.Errorf("over %s it takes feedback: %v, and says %v", over, takes, p.Feedback)
	}
	if path, _ := d.Query(QueryMetadata, m); path == "" {
		t.Errorf("over %s a server is not asked for its metadata", over)
	}
	if body, err := d.Describe(Description{Name: "m"}); err != nil || len(body) == 0 {
		t.Errorf("over %s a model is described as %q, %v", over, body, err)
	}
	path, _ := d.Query(QueryStatus, m)
	if (d.Up == nil) != (path == "") {
		t.Errorf("over %s a server is asked for its status at %q, and Up is nil: %v", over, path, d.Up == nil)
	}
	if named := len(d.Name) > 0; named != (p.Named && over == GRPC) {
		t.Errorf("over %s requests name the model: %v", over, named)
	}
}
