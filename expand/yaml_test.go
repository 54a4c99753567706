package expand

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
	sigsyaml "sigs.k8s.io/yaml"
)

// TestYAMLIsAsThePackageWritesIt: nothing tells the writer's documents from
// those of package yaml, and it knows most of what manifests hold.
func TestYAMLIsAsThePackageWritesIt(t *testing.T) {
	known := 0
	const documents = 20000
	for seed := range uint64(documents) {
		r := rand.New(rand.NewPCG(seed, 1))
		fields := randomMap(r, 4)
		want, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		got := written(t, fields)
		if got == "" {
			continue
		}
		known++
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Fatalf("seed %d: -package yaml +this one:\n%s", seed, diff)
		}
	}
	if known < documents/10 {
		t.Errorf("%d of %d documents were not odd, which compares too few", known, documents)
	}
}

// TestTextsInYAML: the style of each text is that of package yaml, or odd.
func TestTextsInYAML(t *testing.T) {
	texts := words()
	for seed := range uint64(50000) {
		texts = append(texts, randomText(rand.New(rand.NewPCG(seed, 2))))
	}
	for _, text := range texts {
		for _, fields := range []map[string]any{{"key": text}, {text: "value"}, {"key": []any{[]any{text}}}} {
			want, err := yaml.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			if got := written(t, fields); got != "" && got != string(want) {
				t.Errorf("%q is written as\n%swant\n%s", text, got, want)
			}
		}
	}
}

// written is the document of fields, or empty if it is odd.
func written(t *testing.T, fields map[string]any) string {
	t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := new(parser).parse(body)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	d.add(&parts)
	return string(d.out)
}

// TestUsualManifestsAreNotOdd: package yaml, which takes ten times as long, is
// needed for few of the documents that are in the golden files.
func TestUsualManifestsAreNotOdd(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.out.yaml")
	if err != nil {
		t.Fatal(err)
	}
	documents, odd := 0, 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var fields map[string]any
			if err := sigsyaml.Unmarshal([]byte(document), &fields); err != nil {
				t.Fatal(err)
			}
			if documents++; len(fields) > 0 && written(t, fields) == "" {
				odd++
			}
		}
	}
	if documents < 100 || odd > documents/5 {
		t.Errorf("%d of %d documents are odd", odd, documents)
	}
}

func randomMap(r *rand.Rand, depth int) map[string]any {
	m := map[string]any{}
	for range r.IntN(4) + 1 {
		m[words()[r.IntN(20)]+strings.Repeat("x", r.IntN(3))] = randomValue(r, depth-1)
	}
	return m
}

func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(9); {
	case n < 2 && depth > 0:
		return randomMap(r, depth)
	case n < 4 && depth > 0:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	case n == 4:
		return []any{int64(8000), true, nil, map[string]any{}, []any{}}[r.IntN(5)]
	}
	if r.IntN(40) > 0 {
		return words()[r.IntN(len(words()))]
	}
	return randomText(r)
}

// randomText is of the characters that YAML minds.
func randomText(r *rand.Rand) string {
	const characters = "aeinoyNTxGbm019._-+:/ #'\"{}[],&*!|>%@`?=~$()\\\n\té"
	runes := []rune(characters)
	text := make([]rune, r.IntN(10))
	for i := range text {
		text[i] = runes[r.IntN(len(runes))]
	}
	return string(text)
}

// words are texts as manifests hold them, and those near them. The first
// twenty are keys.
func words() []string {
	return []string{
		"name", "image", "seldon.io/id", "app.kubernetes.io/name", "prometheus.io/port", "a-b", "aB", "ab", "a.b", "a/b",
		"y", "on", "null", "No", "Name", "spec", "mountPath", "n", "_under", "key",
		"", "true", "True", "tRUE", "yes", "off", "none", "nullx", "~", "8000", "0800", "0.5", "1.", "1e3", "0x1f", "0b11", "0o7", "1_000",
		"100m", "2Gi", "1k", "10%", "10.0.0.0/8", "*", "*.a", "* ", "12:30", "2001-01-02", "1.2.3.4", "123456789012345678901234", "-1", "+1", ".5", ".nan", "<<",
		"example/server:1.2", "docker.io/a/b@sha256:0123", "/mnt/models", "http://a:80/b", "a: b", "a:", "a #b", "a b", "a  b", " a", "a ",
		`{"version":"main"}`, `{"a": "it's"}`, `{"a": 1} `, `[1,2]`, "{", strings.Repeat("word ", 30) + "end", strings.Repeat("word ", 15) + "end",
		`{"text":"` + strings.Repeat("word ", 20) + `"}`, strings.Repeat("eyJ", 300) + "==", "two\nlines", "two\nlines\n", "é", "%d", "@at", "a,b", "a?b", "-", "--flag=1", "-x", "-inf", "-.inf", "--", "---x", "-0b1", "--a b", "-e",
		"$(HOME)/x", "(x)", "=", "=x",
	}
}
