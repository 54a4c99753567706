// Package config reads the operator's settings from its environment. The names
// are those of existing installations.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/setting"
)

// Config is all that an installation can set.
type Config struct {
	// Expand shapes the objects.
	Expand expand.Config
	// ServerImages replace the images of prepackaged servers and add servers.
	ServerImages map[ServerImage]string
	// Environment holds the variables that were set, with their values.
	Environment map[string]string
}

// ServerImage names what an image is for: the server and the protocol of the
// predictors behind which it runs (seldon, tensorflow or v2).
type ServerImage struct{ Server, Protocol string }

// Default is the configuration of an empty environment.
func Default() Config {
	return Config{
		Expand:       expand.DefaultConfig(),
		ServerImages: map[ServerImage]string{},
		Environment:  map[string]string{},
	}
}

// Parse reads the settings that lookup knows, such as os.LookupEnv. An empty
// value counts as not set. All bad values are reported at once, each with its
// variable.
func Parse(lookup func(name string) (value string, ok bool)) (Config, error) {
	c := Default()
	var errs []error
	for _, f := range c.fields() {
		value, ok := lookup(f.name)
		if !ok || value == "" {
			continue
		}
		c.Environment[f.name] = value
		if err := f.set(value); err != nil {
			errs = append(errs, fmt.Errorf("reading setting %s: %w", f.name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Settings lists all settings with their values: those in force, or of
// [Default] the defaults.
func (c *Config) Settings() []setting.Setting {
	fields := c.fields()
	settings := make([]setting.Setting, len(fields))
	for i, f := range fields {
		settings[i] = setting.Setting{Group: f.group, Variable: f.name, Chart: f.chart, Value: f.get(), Doc: f.doc}
	}
	return settings
}

// Servers returns s with the images of the installation.
func (c *Config) Servers(s manifests.Servers) manifests.Servers {
	// A server of which there is nothing but images is the first of them, and
	// the others beside it: one that speaks v2, if there is one.
	byProtocol := func(a, b ServerImage) int {
		return cmp.Or(strings.Compare(b.Protocol, a.Protocol), strings.Compare(a.Server, b.Server))
	}
	for _, at := range slices.SortedFunc(maps.Keys(c.ServerImages), byProtocol) {
		s = s.WithImage(at.Server, at.Protocol, c.ServerImages[at])
	}
	return s
}

// Lookup returns a variable of this process.
func Lookup(name string) (value string, ok bool) { return os.LookupEnv(name) }

// FromEnvironment reads the settings of this process.
func FromEnvironment() (Config, error) { return Parse(Lookup) }
