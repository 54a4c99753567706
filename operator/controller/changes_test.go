package controller

import "testing"

func TestEventsOfChanges(t *testing.T) {
	changes := Changes{
		{Created, "Service", "a"}, {Unchanged, "Service", "b"}, {Created, "Deployment", "d"}, {Created, "Service", "c"}, {Deleted, "HPA", "h"},
	}
	want := []struct{ reason, text string }{
		{"CreateDeployment", "Service a created, Deployment d created, Service c created"},
		{"DeleteHPA", "HPA h deleted"},
	}
	got := changes.byAction()
	if len(got) != len(want) {
		t.Fatalf("there are %d events, want %d: %v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].reason() != w.reason || got[i].String() != w.text {
			t.Errorf("event %d is %s %q, want %s %q", i, got[i].reason(), got[i], w.reason, w.text)
		}
	}
}
