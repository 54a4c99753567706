package bento

import "testing"

func TestChoose(t *testing.T) {
	routes, err := Routes([]byte(`{"routes":[{"name":"classify","route":"/classify"},{"name":"kinds","route":"/flowers/kinds"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		routes          []Route
		api, want, says string
	}{
		{routes, "kinds", "kinds", ""},
		{routes, "flowers/kinds", "kinds", ""},
		{routes[:1], "", "classify", ""},
		{routes, "", "", "the Bento has the routes classify or kinds: give the node the parameter {name: api_name, type: STRING, value: classify}, or another of them"},
		{routes, "kind", "", `the Bento has no route "kind", which the node's parameter api_name names; use classify or kinds (did you mean kinds?)`},
		{nil, "", "", "the Bento has no routes"},
	} {
		got, err := Choose(c.routes, c.api)
		switch {
		case c.says != "" && (err == nil || err.Error() != c.says):
			t.Errorf("%q: %v, want %s", c.api, err, c.says)
		case c.says == "" && (err != nil || got.Name != c.want):
			t.Errorf("%q: %v, %v, want %s", c.api, got, err, c.want)
		}
	}
	if _, err := Routes([]byte(`<html>`)); err == nil {
		t.Error("a page is read as a schema")
	}
}
