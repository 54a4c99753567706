package report

import "testing"

func TestStatusPatch(t *testing.T) {
	type status struct {
		State string `json:"state,omitempty"`
		Count int    `json:"count,omitempty"`
	}
	for _, c := range []struct {
		before, after status
		version, want string
	}{
		{status{"a", 1}, status{"a", 1}, "7", ""},
		{status{"a", 1}, status{"b", 0}, "", `{"status":{"count":null,"state":"b"}}`},
		{status{}, status{"b", 2}, "7", `{"metadata":{"resourceVersion":"7"},"status":{"count":2,"state":"b"}}`},
	} {
		got, err := StatusPatch(c.before, c.after, c.version)
		if err != nil || string(got) != c.want {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
}
