package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// tableVariables are the tables that stay package variables, with the reason.
func tableVariables() map[string]string {
	return map[string]string{
		"graph/kind.go: kinds":   "a request's way through a graph asks nothing else, and the package is a model as it stands",
		"graph/kind.go: methods": "as kinds",
	}
}

// TestTables holds tables in one form: a function that returns a literal, so
// that nobody can change what all share. Arrays with a constant for each index
// are values, and may be variables: the executor reads them for each request.
func TestTables(t *testing.T) {
	base := root(t)
	known, seen := tableVariables(), map[string]bool{}
	eachSource(t, base, func(path string, src []byte) {
		for _, name := range tables(t, path, src) {
			id := strings.TrimPrefix(path, base+"/") + ": " + name
			seen[id] = true
			if known[id] == "" {
				t.Errorf("%s is a table in a variable: make it a function that returns the literal", id)
			}
		}
	})
	for id := range known {
		if !seen[id] {
			t.Errorf("%s is excepted, and is no table in a variable", id)
		}
	}
}

// TestTablesAreFound shows the forms that a table in a variable can have.
func TestTablesAreFound(t *testing.T) {
	src := "package p\n\nvar a = map[string]int{}\n\nvar (\n\tb = []string{}\n\tc = [...]string{}\n\td, e = 1, list{}\n)\n\ntype list []int\n\nfunc f() []int { return []int{} }\n"
	if got := strings.Join(tables(t, "p.go", []byte(src)), " "); got != "a b e" {
		t.Errorf("found %q", got)
	}
}

// tables names the package variables of a file that hold a literal of a map or
// a slice, or of a type of that form that the file itself declares.
func tables(t *testing.T, path string, src []byte) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Base(path), src, parser.SkipObjectResolution)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	declared := map[string]ast.Expr{}
	var variables []*ast.ValueSpec
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				declared[spec.Name.Name] = spec.Type
			case *ast.ValueSpec:
				if d.Tok == token.VAR {
					variables = append(variables, spec)
				}
			}
		}
	}
	var names []string
	for _, v := range variables {
		for i, value := range v.Values {
			if literal, ok := value.(*ast.CompositeLit); ok && growing(literal.Type, declared) {
				names = append(names, v.Names[i].Name)
			}
		}
	}
	return names
}

// growing reports whether a type is a map or a slice.
func growing(of ast.Expr, declared map[string]ast.Expr) bool {
	if name, ok := of.(*ast.Ident); ok {
		of = declared[name.Name]
	}
	switch of := of.(type) {
	case *ast.MapType:
		return true
	case *ast.ArrayType:
		return of.Len == nil
	}
	return false
}
