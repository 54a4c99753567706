package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/reference"
	"github.com/prime-radiant/radiant/wording"
)

// checkNodeFile says what is wrong with the file that a built-in node reads among
// names, which are what a file:// URI brings. The executor would not start with it.
func checkNodeFile(n *graph.Node, names []string, uri string) error {
	name := graph.BuiltinOf(n.Implementation).File()
	if name == "" {
		return nil
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("%s reads %s, and there is only %s", n.Implementation, name, wording.Listed(names[:min(len(names), 10)]))
	}
	path := filepath.FromSlash(strings.TrimPrefix(uri, "file://"))
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, name)
	}
	if name == reference.Name {
		_, err := reference.Read(path)
		return err
	}
	var file struct{ Format string }
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	want := "radiant-" + strings.TrimSuffix(name, filepath.Ext(name))
	if err := json.Unmarshal(body, &file); err != nil || file.Format != want {
		return fmt.Errorf("reading %s: its format is %q, not %q", path, file.Format, want)
	}
	return nil
}
