package manifests

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"
)

//go:embed servers.yaml
var servers []byte

//go:embed python/*.py python/*.txt python/*/*.py
var python embed.FS

// Python holds the servers written in Python and the lists of the packages
// that they need, with the paths that they have here, such as
// python/tensorflow.txt.
func Python() fs.FS { return python }

// Load reads the servers that ship with the program. Each call parses them
// anew, so that a caller may change its copy.
func Load() (Servers, error) { return Parse(servers) }

// Parse reads a document of the form of servers.yaml. Unknown fields and
// incomplete entries are errors, all of them reported at once.
func Parse(document []byte) (Servers, error) {
	var s Servers
	if err := yaml.UnmarshalStrict(document, &s); err != nil {
		return Servers{}, fmt.Errorf("reading servers: %w", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Servers)) {
		if err := s.Servers[name].check(); err != nil {
			errs = append(errs, fmt.Errorf("reading servers: %s: %w", name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Custom)) {
		custom := s.Custom[name]
		custom.Image = cmp.Or(custom.Image, "the installation's")
		if err := custom.check(); err != nil {
			errs = append(errs, fmt.Errorf("reading servers: custom %s: %w", name, err))
		}
	}
	for i, r := range s.Runtimes {
		if r.Name == "" || len(r.Images) == 0 {
			errs = append(errs, fmt.Errorf("reading servers: runtimes[%d]: name and images are required", i))
		}
	}
	return s, errors.Join(errs...)
}

func (s Server) check() error {
	var errs []error
	if s.Image == "" {
		errs = append(errs, errors.New("image is required"))
	}
	if s.Protocol == "" {
		errs = append(errs, errors.New("protocol is required"))
	}
	if s.Protocol != "bentoml" && !slices.Contains(s.Outside, s.Protocol) { // No client speaks it.
		errs = append(errs, fmt.Errorf("outside lacks the server's own protocol %q", s.Protocol))
	}
	return errors.Join(errs...)
}
