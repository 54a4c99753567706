package telemetry

import "testing"

func TestSplitImage(t *testing.T) {
	for image, want := range map[string][2]string{
		"":                              {"", ""},
		"model":                         {"model", ""},
		"team/model:1.2":                {"team/model", "1.2"},
		"registry:5000/model":           {"registry:5000/model", ""},
		"registry:5000/team/model:1.2":  {"registry:5000/team/model", "1.2"},
		"model@sha256:00ff":             {"model", "sha256:00ff"},
		"registry:5000/m:1@sha256:00ff": {"registry:5000/m", "1"},
	} {
		if name, version := splitImage(image); [2]string{name, version} != want {
			t.Errorf("%q is split into %q and %q, want %q", image, name, version, want)
		}
	}
}
