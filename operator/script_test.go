package main

import (
	"flag"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts")

// TestMain makes this test binary the program radiant of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"radiant": main})
}

// TestScripts runs the command line as its users do. -update rewrites the
// expected output.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update})
}
