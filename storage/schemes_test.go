package storage

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/scheme"
)

// TestSchemes: what people are told of is what can be fetched.
func TestSchemes(t *testing.T) {
	known := slices.Sorted(maps.Keys(schemes()))
	if diff := cmp.Diff(slices.Sorted(slices.Values(append(scheme.Names(), ""))), known); diff != "" {
		t.Errorf("-told +fetched:\n%s", diff)
	}
}
