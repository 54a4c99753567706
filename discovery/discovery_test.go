package discovery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMerge: the folder says what is there and what was refused, the server what it does
// with it; one of both may be silent.
func TestMerge(t *testing.T) {
	came, served := time.Unix(1000, 0), time.Unix(1010, 0)
	found := Found{Store: "it is away", Versions: []Known{
		{Version: 7, Since: came, Serving: &served},
		{Version: 8, Since: came, Note: "it is another one by now"},
		{Version: 9, Since: came},
		{Version: 10, Since: came},
		{Version: 11, Since: came, Refused: "the disk is full", Kind: "disk"},
		{Version: 13, Since: came, Serving: &served, Aside: true},
	}}
	told := map[string]string{"6": "UNLOADING", "7": "AVAILABLE", "9": "LOADING", "10": "END", "5": "END", "12": "AVAILABLE", "13": "END"}
	want := Node{Node: "n", Store: "it is away", Versions: []Version{
		{Version: "6", State: Unloading},
		{Version: "7", State: Serving, Since: served},
		{Version: "8", State: Present, Since: came, Message: "it is another one by now"},
		{Version: "9", State: Loading, Since: came},
		{Version: "10", State: Failed, Since: came},
		{Version: "11", State: Refused, Since: came, Reason: "NoDiskSpace", Message: "the disk is full"},
		{Version: "12", State: Serving},
		{Version: "13", State: Present, Since: came, Reason: "OneAtATime", Message: "it is unloaded while another version is loaded, and comes back if that one does not serve"},
	}}
	if diff := cmp.Diff(want, Merge("n", found, told)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(Node{Node: "n"}, Merge("n", Found{}, nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestMergeOfAStart: what a server started with serves when it is ready, and the version for
// the next one waits.
func TestMergeOfAStart(t *testing.T) {
	came := time.Unix(1000, 0)
	found := Found{Start: &Start{Version: "7", Told: "6", Next: "9"}, Versions: []Known{{Version: 7, Since: came}, {Version: 9, Since: came}}}
	for word, state := range map[string]string{"READY": Serving, "LOADING": Loading} {
		want := Node{Node: "n", Start: found.Start, Versions: []Version{
			{Version: "7", State: state, Since: came},
			{Version: "9", State: Present, Since: came, Reason: "NextStart", Message: "the server loads its model when it starts: another one starts with this version"},
		}}
		got := Merge("n", found, map[string]string{"7": word})
		if diff := cmp.Diff(want, got); diff != "" || got.Serves("7") != (state == Serving) || got.Serves("9") {
			t.Errorf("%s: -want +got:\n%s", word, diff)
		}
	}
}
