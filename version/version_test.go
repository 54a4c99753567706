package version

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for name, c := range map[string]struct {
		settings []debug.BuildSetting
		want     string
	}{
		"of a commit": {
			[]debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T15:04:05Z"}, {Key: "vcs.modified", Value: "false"}},
			"radiant " + Number + " (commit abc of 2026-01-02T15:04:05Z, go1.",
		},
		"of a commit with changes": {
			[]debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
			"radiant " + Number + " (commit abc+changes of unknown, go1.",
		},
		"of an archive": {nil, "radiant " + Number + " (commit unknown of unknown, go1."},
	} {
		if got := from(&debug.BuildInfo{Settings: c.settings}).Line("radiant"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want it to begin with %q", name, got, c.want)
		}
	}
}

func TestAsked(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "--version": true, "-version": true, "version": true, "--version --settings": false, "s3://a /version": false,
	} {
		if got := Asked(strings.Fields(args)); got != want {
			t.Errorf("Asked(%q) is %t", args, got)
		}
	}
}
