// Package samples runs every case of samples/*/case.yaml through radiant
// local: real model servers as processes, real requests through the gateway,
// answers compared with those in the sample's folder. samples/README.md
// describes the format.
package samples

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prime-radiant/radiant/tests/kit/cases"
	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/openapi"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

func TestSamples(t *testing.T) {
	t.Parallel()
	runSamples(t, "case.yaml")
}

// TestHeavySamples: those whose packages take hundreds of megabytes.
func TestHeavySamples(t *testing.T) {
	long.Only(t)
	runSamples(t, "case-long.yaml")
}

func runSamples(t *testing.T, name string) {
	bin := programs.Build(t)
	suites, err := filepath.Glob("../../samples/*/" + name)
	if err != nil || len(suites) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range suites {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel() // They wait for servers most of the time.
			s, err := cases.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range s.Cases {
				t.Run(c.Name, func(t *testing.T) {
					if c.Long {
						long.Only(t)
					}
					t.Parallel()
					runCase(t, bin, folder, c)
				})
			}
		})
	}
}

func runCase(t *testing.T, bin, folder string, c cases.Case) {
	address, printed := serve(t, bin, folder, c)
	for _, r := range c.Requests {
		t.Run(r.Name, func(t *testing.T) {
			if err := cases.Run(address, folder, r); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("printed", func(t *testing.T) { runPrinted(t, printed()) })
	if urls := documents(t, address); len(urls) > 0 {
		t.Run("OpenAPI", func(t *testing.T) { openapi.Check(t, urls...) })
	}
}

// documents lists where the deployments of one predictor have their OpenAPI
// document.
func documents(t *testing.T, address string) []string {
	t.Helper()
	deployments, err := served(address)
	if err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, d := range deployments {
		predictors := 0
		for _, p := range d.Predictors {
			if !p.Shadow {
				predictors++
			}
		}
		if predictors == 1 {
			urls = append(urls, "http://"+address+strings.TrimSuffix(d.Path, "/")+openapi.Document(d.Protocol))
		}
	}
	return urls
}
