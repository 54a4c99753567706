package registry

import (
	"testing"

	"github.com/prime-radiant/radiant/storage/access"
)

// TestPlaces: a reference is asked for where container runtimes look for it, since a model
// may be copied or mounted.
func TestPlaces(t *testing.T) {
	for uri, want := range map[string]string{
		"oci://docker.io/m":                  "https://registry-1.docker.io/v2/library/m/manifests/latest",
		"oci://docker.io/m:3":                "https://registry-1.docker.io/v2/library/m/manifests/3",
		"oci://docker.io/library/m:3":        "https://registry-1.docker.io/v2/library/m/manifests/3",
		"oci://docker.io/team/m:3":           "https://registry-1.docker.io/v2/team/m/manifests/3",
		"oci://index.docker.io/m:3":          "https://registry-1.docker.io/v2/library/m/manifests/3",
		"oci://registry.example/m:3":         "https://registry.example/v2/m/manifests/3",
		"oci://localhost:5000/m:3":           "http://localhost:5000/v2/m/manifests/3",
		"oci://registry.example/docker.io/m": "https://registry.example/v2/docker.io/m/manifests/latest",
	} {
		opened, err := Open(t.Context(), uri, access.Access{})
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		s := opened.(*store)
		if got := s.base + "/manifests/" + s.reference.Reference; got != want {
			t.Errorf("%s is asked for at %s, want %s", uri, got, want)
		}
	}
}
