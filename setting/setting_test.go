package setting

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func some() []Setting {
	return []Setting{
		{Group: "Ports", Flag: "port", Variable: "PORT", Value: "80", Doc: "where it listens"},
		{Group: "Ports", Flag: "host", Doc: "a|b"},
		{Group: "Marks", Annotation: "seldon.io/x", Doc: "a mark"},
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	if err := Print(&out, some()); err != nil {
		t.Fatal(err)
	}
	want := "--port=80  # where it listens (PORT)\n--host=  # a|b\nseldon.io/x=  # a mark\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestFill(t *testing.T) {
	page := "# Page\n\n<!-- settings: Ports -->\nold\n<!-- end -->\nbetween\n<!-- settings: Marks -->\n<!-- end -->\n"
	want := `# Page

<!-- settings: Ports -->
| flag | variable | default | |
|---|---|---|---|
| ` + "`--port` | `PORT` | `80`" + ` | where it listens |
| ` + "`--host`" + ` | | | a\|b |
<!-- end -->
between
<!-- settings: Marks -->
| annotation | |
|---|---|
| ` + "`seldon.io/x`" + ` | a mark |
<!-- end -->
`
	got, err := Fill(page, some())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, page (-want +got):\n%s", err, diff)
	}
	if again, err := Fill(got, some()); again != got || err != nil {
		t.Errorf("a second time it changes: %v\n%s", err, again)
	}
	for page, want := range map[string]string{
		"none":                            "no place for the settings of Ports, Marks",
		"<!-- settings: Ports -->\nold\n": "has no end",
		"<!-- settings: Other -->\n<!-- end -->\n":                                         `no settings of the group "Other"`,
		"<!-- settings: Ports -->\n<!-- end -->\n<!-- settings: Ports -->\n<!-- end -->\n": "or it has two places",
	} {
		if _, err := Fill(page, some()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want one with %q", page, err, want)
		}
	}
}
