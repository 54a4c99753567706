// Package long keeps tests that take minutes, or much of a network, to make e2e-long.
package long

import (
	"os"
	"testing"
)

// Asked reports whether long tests are asked for.
func Asked() bool { return os.Getenv("RADIANT_E2E_LONG") != "" }

// Only skips a test unless long ones are asked for.
func Only(t testing.TB) {
	t.Helper()
	if !Asked() {
		t.Skip("RADIANT_E2E_LONG is not set: make e2e-long runs this test")
	}
}
