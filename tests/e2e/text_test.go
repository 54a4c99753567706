//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mentions returns an error unless text holds each part.
func mentions(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q does not mention %q", text, part)
		}
	}
	return nil
}
