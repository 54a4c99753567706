package controller

import "testing"

func TestEventsOfChanges(t *testing.T) {
	changes := Changes{
		{Created, "Service", "a"}, {Unchanged, "Service", "b"}, {Created, "Deployment", "d"}, {Created, "Service", "c"}, {Deleted, "HPA", "h"},
	}
	want := []struct{ reason, text string }{
		{"CreateService", "Service a created, Service c created"},
		{"CreateDeployment", "Deployment d created"},
		{"DeleteHPA", "HPA h deleted"},
	}
	got := changes.byReason()
	if len(got) != len(want) {
		t.Fatalf("there are %d events, want %d: %v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i][0].reason() != w.reason || got[i].String() != w.text {
			t.Errorf("event %d is %s %q, want %s %q", i, got[i][0].reason(), got[i], w.reason, w.text)
		}
	}
}
