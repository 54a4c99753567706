package arch

import (
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	executor "github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/expand"
	operator "github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/setting"
	"github.com/prime-radiant/radiant/storage"
	"github.com/prime-radiant/radiant/tests/kit/pages"
)

var update = flag.Bool("update", false, "rewrite the tables of settings on the pages of docs")

// TestPagesShowTheSettings: the tables of settings on pages are those of the
// programs. With -update, pages are rewritten.
func TestPagesShowTheSettings(t *testing.T) {
	defaults := operator.Default()
	for page, settings := range map[string][]setting.Setting{
		"docs/annotations.md": slices.Concat(v1.AnnotationSettings(), wayAnnotations()),
		"docs/nodes.md":       v1.NodeSettings(),
		"docs/executor.md":    executor.Settings(),
		"docs/storage.md":     storage.Settings(),
		"docs/operator.md":    slices.Concat(operator.ManagerSettings(), defaults.Settings()),
		"docs/scaling.md":     operator.ActivatorSettings(),
	} {
		pages.Hold(t, filepath.Join(root(t), page), func(text string) (string, error) { return setting.Fill(text, settings) }, *update)
		seen := map[string]bool{}
		for _, s := range settings {
			if s.Doc == "" || s.Group == "" {
				t.Errorf("%s: %s has no description or no group", page, s.Name())
			}
			for _, name := range s.Names() {
				if seen[name] {
					t.Errorf("%s: %s has two rows", page, name)
				}
				seen[name] = true
				if strings.TrimSpace(name) != name {
					t.Errorf("%s: %q is no name", page, name)
				}
			}
		}
	}
}

// wayAnnotations are those by which a deployment says how requests come in.
func wayAnnotations() (all []setting.Setting) {
	seen := map[string]int{}
	for _, w := range expand.Ways() {
		for _, a := range w.Annotations {
			if i, ok := seen[a.Name]; ok {
				all[i].Doc += ", " + w.Name
				continue
			}
			seen[a.Name] = len(all)
			all = append(all, setting.Setting{Group: "Of the ways into the cluster", Annotation: a.Name, Doc: w.Name})
		}
	}
	return all
}
