package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tool is a row of scripts/tools.txt.
type tool struct {
	name, kind, version, pkg, program, missing string
	targets                                    []string
}

func toolTable(t *testing.T) []tool {
	t.Helper()
	var table []tool
	for line := range strings.Lines(text(t, "scripts/tools.txt")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if len(fields) < 8 {
			t.Fatalf("tools.txt: too few columns: %s", line)
		}
		row := tool{fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], strings.Split(fields[6], ",")}
		if slices.ContainsFunc(table, func(other tool) bool { return other.name == row.name }) {
			t.Errorf("tools.txt: %s has two rows", row.name)
		}
		table = append(table, row)
	}
	return table
}

// TestToolsArePinned: what a row says is exact, and its files are there.
func TestToolsArePinned(t *testing.T) {
	exact := regexp.MustCompile(`^v?\d+\.\d+\.\d+$`)
	for _, row := range toolTable(t) {
		var files []string
		switch row.kind {
		case "go", "npm":
			if !exact.MatchString(row.version) {
				t.Errorf("%s: %q is no exact version", row.name, row.version)
			}
		case "module":
			folder := "tests/tools/cluster/binaries/" + row.version
			files = []string{folder + "/go.mod", folder + "/go.sum"}
		case "venv":
			if row.version != "-" {
				files = strings.Split(row.version, ",")
			}
		case "apt":
		default:
			t.Errorf("%s: there is no kind %q", row.name, row.kind)
		}
		for _, file := range files {
			if _, err := os.Stat(filepath.Join(root(t), file)); err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
		}
		if row.missing != "error" && row.missing != "skip" {
			t.Errorf("%s: missing is %q", row.name, row.missing)
		}
	}
}

// goCode joins the Go files outside of this package.
func goCode(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "arch" || d.Name() == ".git" || d.Name() == "bin" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		body, err := os.ReadFile(path)
		all.Write(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestToolsAreUsed: each name that a caller asks for has a row, and each row is
// asked for: what goes to the cache by its name, what the machine has by that or by a target.
func TestToolsAreUsed(t *testing.T) {
	table, code := toolTable(t), goCode(t)
	scripts := regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(text(t, "Makefile", "scripts/*.sh", ".ci/run"), "")
	asked := map[string]bool{}
	for _, call := range regexp.MustCompile(`need\.sh"?((?: @?[a-z][a-z0-9-]*)+)`).FindAllStringSubmatch(scripts, -1) {
		for _, name := range strings.Fields(call[1]) {
			asked[name] = true
		}
	}
	for _, call := range regexp.MustCompile(`tools\.Path\(\w+, "([^"]+)"\)`).FindAllStringSubmatch(code, -1) {
		asked[call[1]] = true
	}
	known := map[string]bool{}
	for _, row := range table {
		known[row.name] = true
		for _, target := range row.targets {
			known["@"+target] = true
		}
		named := asked[row.name] || strings.Contains(code, `"`+row.name+`"`)
		byTarget := slices.ContainsFunc(row.targets, func(target string) bool { return asked["@"+target] })
		if !named && (row.kind != "apt" || !byTarget) {
			t.Errorf("nothing asks for %s", row.name)
		}
	}
	if len(asked) < 10 {
		t.Errorf("found %d calls of need.sh only: %v", len(asked), asked)
	}
	for name := range asked {
		if !known[name] {
			t.Errorf("somebody asks need.sh for %s, which tools.txt does not have", name)
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "@") && name != "@-" && !asked[name] {
			t.Errorf("tools.txt has target %s, which nothing asks for", name[1:])
		}
	}
}
