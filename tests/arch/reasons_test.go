package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestTroubleshootingKnowsConditions: the page names each condition and each
// reason that the code has, and says what to do.
func TestTroubleshootingKnowsConditions(t *testing.T) {
	page := text(t, "docs/troubleshooting.md")
	reasons := constants(t, "operator/controller/*.go", "reason")
	conditions := constants(t, "apis/v1/types_status.go", "Condition")
	if len(reasons) < 10 || len(conditions) < 10 {
		t.Fatalf("the code has the reasons %v and the conditions %v; has it other names for them now?", reasons, conditions)
	}
	for _, word := range append(reasons, conditions...) {
		if word != "Ready" && word != "Valid" && !strings.Contains(page, "`"+word+"`") {
			t.Errorf("docs/troubleshooting.md does not name %s", word)
		}
	}
}

// constants are the texts of constants whose names begin with a prefix, and those
// that stand in for a reason that nobody gives: the second argument of word.
func constants(t *testing.T, pattern, prefix string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil {
				all = append(all, text)
			}
		}
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if strings.HasPrefix(name.Name, prefix) && i < len(n.Values) {
						add(n.Values[i])
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "word" && len(n.Args) == 2 {
					add(n.Args[1])
				}
			}
			return true
		})
	}
	return all
}
