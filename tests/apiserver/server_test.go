package apiserver_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// server is shared by the tests of the package.
func server(t *testing.T) *apiserver.Server {
	t.Helper()
	return shared
}

var shared *apiserver.Server

func TestMain(m *testing.M) {
	s, err := apiserver.Start(apiserver.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = s
	code := m.Run()
	s.Stop()
	os.Exit(code)
}

func TestInstall(t *testing.T) {
	if err := server(t).Install(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
}
