package config

import (
	"testing"

	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/prime-radiant/radiant/expand"
)

func TestSleepsWhereNodesKnowIt(t *testing.T) {
	for _, c := range []struct {
		version, set string
		want         expand.PreStop
	}{
		{"v1.25.16", "", expand.PreStopShell},
		{"v1.32.9-gke.1", "", expand.PreStopShell},
		{"v1.32.9", "sleep", expand.PreStopSleep},
		{"v1.33.0", "", expand.PreStopSleep},
		{"v1.37.2", "", expand.PreStopSleep},
		{"v1.37.2", "shell", expand.PreStopShell},
	} {
		s, err := Parse(lookup(map[string]string{envPreStop: c.set}))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.at(utilversion.MustParseGeneric(c.version)).Expand.Units.PreStop; got != c.want {
			t.Errorf("Kubernetes %s, set to %q: %s, want %s", c.version, c.set, got, c.want)
		}
	}
}

func TestImageVolumesWhereTheyAreTaken(t *testing.T) {
	for version, without := range map[string]bool{"v1.31.0": true, "v1.34.9-gke.1": true, "v1.35.0": false, "v1.37.2": false} {
		if got := Default().at(utilversion.MustParseGeneric(version)).Expand.Storage.WithoutImageVolumes; got != without {
			t.Errorf("Kubernetes %s is without image volumes: %v", version, got)
		}
	}
}
