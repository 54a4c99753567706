package v1

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTemplates: a template is told to be one, in one message, and what only
// mentions one is read as it is.
func TestTemplates(t *testing.T) {
	const (
		head  = "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\n"
		graph = "    graph: {name: m, implementation: SKLEARN_SERVER, modelUri: \"gs://m\"}\n"
		fill  = "; fill it in first, for example: helm template CHART | radiant validate -f -"
		looks = "warning: looks as if it came from a template that is not filled in"
	)
	is := func(line, mark string) []string {
		return []string{"f:" + line + ": error: this is a template (" + mark + " in line " + line[:strings.Index(line, ":")] + ")" + fill}
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a name", head + "metadata:\n  name: {{ name }}\nspec:\n  predictors:\n  - name: p\n    replicas: {{ n }}\n" + graph, is("4:9", "{{")},
		{"a name in quotes", head + "metadata:\n  name: \"{{ name }}\"\nspec:\n  predictors:\n  - name: p\n" + graph, is("4:9", "{{")},
		{"a part of an image", head + "metadata: {name: d}\nspec:\n  predictors:\n  - name: p\n    componentSpecs: [{spec: {containers: [{name: m, image: \"x:{{ tag }}\"}]}}]\n" + graph,
			[]string{"f:7:60: " + looks}},
		{"a number by Jinja", head + "metadata: {name: d}\nspec:\n  replicas: \"{{ n }}\"\n  predictors:\n  - name: p\n" + graph, is("5:13", "{{")},
		{"a statement of Helm", head + "metadata: {name: d}\nspec:\n  predictors:\n  - name: p\n    {{- if .Values.n }}\n    replicas: 1\n    {{- end }}\n" + graph, is("7:5", "{{")},
		{"a statement of Jinja", head + "metadata: {name: d}\nspec:\n  {% for p in all %}\n  predictors: []\n", is("5:3", "{%")},
		{"a number of the shell", head + "metadata: {name: d}\nspec:\n  replicas: ${N}\n  predictors:\n  - name: p\n" + graph, is("5:13", "${")},
		{"a name of the shell", head + "metadata: {name: \"${NAME}\"}\nspec:\n  predictors:\n  - name: p\n" + graph, is("3:18", "${")},
		{"several documents, one message", head + "metadata: {name: {{ a }}}\n---\n" + head + "metadata: {name: {{ b }}}\n---\n" + head + "{{ c }}\n", is("3:18", "{{")},
		{"a template of something else", "kind: ConfigMap\nmetadata:\n  {{ x }}\n  name: m\n",
			[]string{"f:3:3: note: skipped: a template of something else than a SeldonDeployment"}},
		{"free text", head + "metadata: {name: d, annotations: {a: \"{{ x }}\"}}\nspec:\n  predictors:\n  - name: p\n    componentSpecs: [{spec: {containers: [{name: aside, image: i, args: [\"${X}\"], env: [{name: A, value: \"{{ . }}\"}]}]}}]\n" + graph, nil},
		{"a comment", head + "metadata: {name: d} # {{ name }}\nspec:\n  # {{ x }}\n  predictors:\n  - name: p\n" + graph, nil},
		{"malformed for another reason", head + "# {{ x }}\nspec:\n  a: b: c\n", []string{"f:5:1: error: the YAML is malformed: mapping values are not allowed in this context"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			docs, problems, err := Decode("f", strings.NewReader(c.text))
			var wrong Problems
			if errors.As(err, &wrong) {
				problems = append(problems, wrong...)
			}
			for i := range docs {
				problems = append(problems, docs[i].Validate(testRules())...)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Error())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
