package wording

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 packages", 1: "1 package", 12: "12 packages"} {
		if got := Count(n, "package"); got != want {
			t.Errorf("%d packages are %q, want %q", n, got, want)
		}
	}
}

func TestClosest(t *testing.T) {
	names := []string{"minReplicas", "maxReplicas", "hpaSpec"}
	for word, want := range map[string]string{
		"min_replicas": "minReplicas", "maxReplcias": "maxReplicas", "hpaspec": "hpaSpec", "hpSpec": "hpaSpec", "minReplicate": "minReplicas", "repl": "", "graph": "", "": "",
	} {
		if got := Closest(word, names); got != want {
			t.Errorf("%q is taken for %q, want %q", word, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{{"short", 5, "short"}, {"longer", 4, "long..."}, {"ää", 3, "ä..."}, {"", 0, ""}} {
		if got := Cut(c.text, c.most); got != c.want {
			t.Errorf("%q of %d bytes is %q, want %q", c.text, c.most, got, c.want)
		}
	}
}
