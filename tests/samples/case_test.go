// Package samples runs every case of samples/*/case.yaml through radiant
// local: real model servers as processes, real requests through the gateway,
// answers compared with those in the sample's folder. samples/README.md
// describes the format.
package samples

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/prime-radiant/radiant/tests/openapi"
	"github.com/prime-radiant/radiant/tests/programs"
)

// suite is one case.yaml.
type suite struct {
	Cases []testCase `yaml:"cases"`
}

type testCase struct {
	Name     string    `yaml:"name"`
	Files    []string  `yaml:"files"`
	Exec     []string  `yaml:"exec"`
	Requests []request `yaml:"requests"`
}

type request struct {
	Name         string            `yaml:"name"`
	Transport    string            `yaml:"transport"`
	Path         string            `yaml:"path"`
	Method       string            `yaml:"method"`
	Headers      map[string]string `yaml:"headers"`
	BodyFile     string            `yaml:"bodyFile"`
	ExpectFile   string            `yaml:"expectFile"`
	ExpectFiles  []string          `yaml:"expectFiles"`
	Tolerance    float64           `yaml:"tolerance"`
	ExpectStatus *int              `yaml:"expectStatus"`
	Repeat       int               `yaml:"repeat"`
}

// expected lists the files with the answers that are right.
func (r *request) expected() []string {
	if r.ExpectFile != "" {
		return []string{r.ExpectFile}
	}
	return r.ExpectFiles
}

func readSuite(path string) (*suite, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	var s suite
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, c := range s.Cases {
		if c.Name == "" || len(c.Files) == 0 || len(c.Requests) == 0 {
			return nil, fmt.Errorf("%s: case %q needs a name, files and requests", path, c.Name)
		}
		for _, r := range c.Requests {
			if r.Transport != "rest" && r.Transport != "grpc" {
				return nil, fmt.Errorf("%s: case %q, request %q: transport is %q, want rest or grpc", path, c.Name, r.Name, r.Transport)
			}
			if len(r.expected()) == 0 && r.ExpectStatus == nil {
				return nil, fmt.Errorf("%s: case %q, request %q expects nothing", path, c.Name, r.Name)
			}
		}
	}
	if len(s.Cases) == 0 {
		return nil, fmt.Errorf("%s: no cases", path)
	}
	return &s, nil
}

func TestSamples(t *testing.T) {
	bin := programs.Build(t)
	suites, err := filepath.Glob("../../samples/*/case.yaml")
	if err != nil || len(suites) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range suites {
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			s, err := readSuite(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range s.Cases {
				t.Run(c.Name, func(t *testing.T) { runCase(t, bin, folder, c) })
			}
		})
	}
}

func runCase(t *testing.T, bin, folder string, c testCase) {
	address := serve(t, bin, folder, c)
	for _, r := range c.Requests {
		t.Run(r.Name, func(t *testing.T) {
			seen := map[string]bool{}
			for range max(r.Repeat, 1) {
				a, err := send(t, address, folder, r)
				if err != nil {
					t.Fatal(err)
				}
				if want := r.status(); a.status != want {
					t.Fatalf("status %d, want %d: %s", a.status, want, a.body)
				}
				if len(r.expected()) > 0 {
					seen[matching(t, folder, r, a)] = true
				}
			}
			for _, file := range r.expected() {
				if !seen[file] {
					t.Errorf("no answer was as in %s in %d tries", file, max(r.Repeat, 1))
				}
			}
		})
	}
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

// status is the status to expect: HTTP's, or the number of a gRPC code.
func (r *request) status() int {
	switch {
	case r.ExpectStatus != nil:
		return *r.ExpectStatus
	case r.Transport == "rest":
		return 200
	}
	return 0
}

// matching returns the file that says what was answered, and fails the test
// if there is none.
func matching(t *testing.T, folder string, r request, a answer) string {
	t.Helper()
	var differences error
	for _, file := range r.expected() {
		want, err := readJSON(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if differences = compare("", want, a.value, r.Tolerance); differences == nil {
			return file
		}
	}
	t.Fatalf("%v\nanswer: %s", differences, a.body)
	return ""
}
