package main

import (
	"strings"
	"testing"
)

func TestFullNames(t *testing.T) {
	for short, want := range map[string]string{
		"registry.example/radiant/operator:0.1.0": "registry.example/radiant/operator:0.1.0",
		"localhost:5000/operator:1":               "localhost:5000/operator:1",
	} {
		if got, err := fullName(short); err != nil || got != want {
			t.Errorf("fullName(%q) = %q, %v, want %q", short, got, err, want)
		}
	}
	// A name without a registry gets one, and not the alias that only this
	// library uses.
	got, err := fullName("radiant/operator:0.1.0")
	if err != nil || !strings.HasSuffix(got, "/radiant/operator:0.1.0") || strings.HasPrefix(got, "index.") {
		t.Errorf("fullName = %q, %v", got, err)
	}
}
