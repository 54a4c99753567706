package arch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/tests/kit/pages"
)

// field is a part of the definition of SeldonDeployments.
type field struct {
	Description          string
	Type                 string
	Format               string
	Properties           map[string]field
	Items                *field
	AdditionalProperties *field
	IntOrString          bool `json:"x-kubernetes-int-or-string"`
}

// TestFieldsAreWrittenDown: docs/fields.md lists the fields of the definition, with
// their texts and examples. With -update it is rewritten.
func TestFieldsAreWrittenDown(t *testing.T) {
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema field }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text(t, "manifests/crd/seldondeployments.yaml")), &definition); err != nil {
		t.Fatal(err)
	}
	top := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	pages.Hold(t, filepath.Join(root(t), "docs", "fields.md"), func(page string) (want string, err error) {
		want = page
		for _, part := range []string{"spec", "status"} {
			table := "| field | type | | example |\n|---|---|---|---|\n" + rows(part, top.Properties[part])
			if want, err = pages.Fill(want, "fields", part, table); err != nil {
				return "", err
			}
		}
		return want, nil
	}, *update)
}

// rows are those of a field and of all below it.
func rows(path string, f field) string {
	var out strings.Builder
	inner, kind := f, f.Type
	switch {
	case f.IntOrString:
		kind = "integer or string"
	case f.Items != nil:
		inner, kind, path = *f.Items, "list", path+"[]"
		if f.Items.Type != "object" {
			kind += " of " + f.Items.Type
		}
	case f.AdditionalProperties != nil && len(f.Properties) == 0:
		kind = "map"
	}
	meaning, example, _ := strings.Cut(f.Description, "Example:")
	cell := func(s string) string {
		return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
	}
	if example = cell(example); example != "" {
		example = "`" + example + "` "
	}
	fmt.Fprintf(&out, "| `%s` | %s | %s | %s|\n", path, kind, cell(meaning), example)
	var names []string
	for name := range inner.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out.WriteString(rows(path+"."+name, inner.Properties[name]))
	}
	return out.String()
}
