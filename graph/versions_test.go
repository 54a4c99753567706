package graph

import (
	"slices"
	"strings"
	"testing"
)

// versionNode says something of versions; empty: nothing.
func versionNode(policy, labels string, traffic map[string]int32) *Node {
	n := &Node{Name: "m", Implementation: "TENSORFLOW_SERVER", VersionTraffic: traffic}
	for name, value := range map[string]string{VersionPolicyParameter: policy, VersionLabelsParameter: labels} {
		if value != "" {
			n.Parameters = append(n.Parameters, Parameter{Name: name, Value: value, Type: StringParameter})
		}
	}
	slices.SortFunc(n.Parameters, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	return n
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		policy, labels string
		traffic        map[string]int32
		want           []string
	}{
		{"", "", nil, nil},
		{"latest", "", nil, nil},
		{"latest:2", "stable=3, canary=7", map[string]int32{"stable": 90, "canary": 10}, nil},
		{"specific: 7, 3,3", "stable=3,canary=7", map[string]int32{"3": 0, "7": 100}, nil},
		{"all", "", map[string]int32{"1": 20, "9": 30, "10": 50}, nil},
		{"latest:0", "", nil, []string{`parameters[0].value: is "latest:0"; the number of versions is a whole number from 1 on, such as latest:2`}},
		{"newest", "", nil, []string{`parameters[0].value: is "newest"; want latest, latest:2, all or specific:3,7`}},
		{"specific:3,v7", "", nil, []string{`parameters[0].value: is "specific:3,v7"; "v7" is no version, which is a whole number: write specific:3,7`}},
		{"specific:3", "stable=3,canary=7", nil, []string{`parameters[1].value: gives canary the version 7, which the parameter model_version_policy leaves out; set the parameter model_version_policy to all, or name it there: specific:7`}},
		{"specific:3", "", map[string]int32{"3": 90, "7": 10}, []string{`versionTraffic[7]: the parameter model_version_policy leaves out version 7; set the parameter model_version_policy to all, or name it there: specific:7`}},
		{"latest", "", map[string]int32{"3": 90, "7": 10}, []string{`versionTraffic: 2 versions are named, 3, 7, and the server loads 1 at a time; give the node the parameter model_version_policy, such as all, latest:2 or specific:3,7`}},
		{"all", "stable,=3,7=3,a/b=3,x=new,y=1,y=2", nil, []string{
			`parameters[1].value: has "stable"; want LABEL=VERSION, such as stable=3,canary=7`,
			`parameters[1].value: has "=3"; want LABEL=VERSION, such as stable=3,canary=7`,
			`parameters[1].value: has the label "7", which looks like a version; use a word`,
			`parameters[1].value: has the label "a/b"; a label has no space, slash or colon`,
			`parameters[1].value: gives x the version "new"; a version is a whole number, such as 3`,
			`parameters[1].value: has the label y twice`,
		}},
		{"all", "stable=3", map[string]int32{"stable": 90, "canary": 10, "7": 101, "8": -1}, []string{
			`versionTraffic[7]: 101 is no percentage from 0 to 100`,
			`versionTraffic[8]: -1 is no percentage from 0 to 100`,
			`versionTraffic[canary]: "canary" is no version, which is a whole number, and no label of the parameter version_labels`,
		}},
		{"all", "", map[string]int32{"3": 90, "7": 20}, []string{`versionTraffic: the percentages sum up to 110; want 100`}},
	} {
		_, faults := versionNode(c.policy, c.labels, c.traffic).Versions(true)
		var got []string
		for _, f := range faults {
			got = append(got, f.Field+": "+f.Message)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q, %q, %v has the faults\n%s\nwant\n%s", c.policy, c.labels, c.traffic, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestVersionsOfWords(t *testing.T) {
	v, faults := versionNode("", "stable=v1", map[string]int32{"stable": 90, "v2-beta": 10}).Versions(false)
	if len(faults) > 0 || len(v.Traffic) != 2 || v.Traffic[0] != (VersionShare{"stable", "v1", 90}) || v.Traffic[1].Version != "v2-beta" {
		t.Errorf("versions are %+v, faults %v", v, faults)
	}
}

func TestCompareVersions(t *testing.T) {
	got := []string{"v2", "10", "9", "1", "a", "007"}
	slices.SortFunc(got, CompareVersions)
	if want := []string{"1", "007", "9", "10", "a", "v2"}; !slices.Equal(got, want) {
		t.Errorf("order is %v, want %v", got, want)
	}
}

func TestMissingVersions(t *testing.T) {
	var got []string
	for _, f := range versionNode("specific:3,7,8", "stable=3,canary=8", map[string]int32{"7": 90, "canary": 5, "8": 5}).MissingVersions([]int64{10, 3, 7}) {
		got = append(got, f.Field+": "+f.Message)
	}
	want := []string{
		"parameters[0].value: the model has no version 8; it has 3, 7, 10",
		"parameters[1].value: gives canary the version 8: the model has no version 8; it has 3, 7, 10",
		"versionTraffic[8]: the model has no version 8; it has 3, 7, 10",
	}
	if !slices.Equal(got, want) {
		t.Errorf("faults are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
