// Package cases reads the cases of samples/*/case.yaml, sends their requests and
// compares the answers. samples/README.md describes the format.
package cases

import (
	"fmt"
	"os"

	"gopkg.in/yaml.v3"
)

// Suite is one case.yaml.
type Suite struct {
	Cases []Case `yaml:"cases"`
}

// Case is a set of deployments and what to ask of them.
type Case struct {
	Name     string    `yaml:"name"`
	Files    []string  `yaml:"files"`
	Exec     []string  `yaml:"exec"`
	Requests []Request `yaml:"requests"`
	// Long leaves the case to make e2e-long: its servers are like those of others.
	Long bool `yaml:"long"`
}

// Request is one request, and the answer to expect.
type Request struct {
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

// Expected lists the files with the answers that are right.
func (r *Request) Expected() []string {
	if r.ExpectFile != "" {
		return []string{r.ExpectFile}
	}
	return r.ExpectFiles
}

// Read reads a case.yaml and checks it.
func Read(path string) (*Suite, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	decoder := yaml.NewDecoder(f)
	decoder.KnownFields(true)
	var s Suite
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
			if len(r.Expected()) == 0 && r.ExpectStatus == nil {
				return nil, fmt.Errorf("%s: case %q, request %q expects nothing", path, c.Name, r.Name)
			}
		}
	}
	if len(s.Cases) == 0 {
		return nil, fmt.Errorf("%s: no cases", path)
	}
	return &s, nil
}

// Want is the status to expect: HTTP's, or the number of a gRPC code.
func (r *Request) Want() int {
	switch {
	case r.ExpectStatus != nil:
		return *r.ExpectStatus
	case r.Transport == "rest":
		return 200
	}
	return 0
}
