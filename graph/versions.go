package graph

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The parameters by which a node with a model server says which versions of its
// model there are, and how its requests are shared between them.
const (
	// VersionPolicyParameter says which versions the server loads, see [VersionPolicy].
	VersionPolicyParameter = "model_version_policy"
	// VersionLabelsParameter gives versions names: stable=3,canary=7.
	VersionLabelsParameter = "version_labels"
	// OneAtATimeParameter has the server drop the version that it has loaded before it
	// gets a new one, with modelRefresh.
	OneAtATimeParameter = "one_at_a_time"
	// StickyHeaderParameter and StickyKeyParameter say what names a user, all of whose
	// requests go to one version, as they do for RANDOM_ABTEST.
	StickyHeaderParameter = "stickyHeader"
	StickyKeyParameter    = "stickyKey"
)

// VersionPolicy says which of the versions in its folder a server loads. The zero
// value leaves it to the server, which loads the highest.
type VersionPolicy struct {
	// Latest is how many of the highest are loaded; 0: another field says.
	Latest int
	// All is true if each one is loaded.
	All bool
	// Specific are those that are loaded, in ascending order; nil: another field says.
	Specific []int64
}

// keeps is how many versions are loaded at most; 0: any number.
func (p VersionPolicy) keeps() int {
	switch {
	case p.All:
		return 0
	case p.Specific != nil:
		return len(p.Specific)
	}
	return max(p.Latest, 1)
}

// IsOne reports whether one version is loaded at most.
func (p VersionPolicy) IsOne() bool { return p.keeps() == 1 }

// leavesOut reports whether a version is never loaded.
func (p VersionPolicy) leavesOut(version string) bool {
	if p.Specific == nil {
		return false
	}
	n, err := strconv.ParseInt(version, 10, 64)
	return err == nil && !slices.Contains(p.Specific, n)
}

// Versions is what a node says of the versions of its model.
type Versions struct {
	// Policy is that of its server.
	Policy VersionPolicy
	// Labels are versions by their names.
	Labels map[string]string
	// Traffic are the shares of the node's requests, in ascending order; none: the
	// server chooses.
	Traffic []VersionShare
	// StickyHeader and StickyKey say what names a user; empty: nothing does.
	StickyHeader, StickyKey string
}

// VersionShare is a part of a node's requests.
type VersionShare struct {
	// Name is a version or a label, as the user wrote it; Version is the version.
	Name, Version string
	Percent       int32
}

// DeclaresVersions reports whether a node says anything of versions.
func (n *Node) DeclaresVersions() bool {
	_, policy := n.Parameter(VersionPolicyParameter)
	_, labels := n.Parameter(VersionLabelsParameter)
	return policy || labels || len(n.VersionTraffic) > 0
}

// Versions reads what a node says of the versions of its model. All that is wrong
// is reported at once. Where numbered is true versions are whole numbers, as
// TensorFlow Serving has them; else they may be any word.
func (n *Node) Versions(numbered bool) (Versions, []Fault) {
	var v Versions
	var faults []Fault
	v.StickyHeader, _ = n.Parameter(StickyHeaderParameter)
	v.StickyKey, _ = n.Parameter(StickyKeyParameter)
	if text, ok := n.Parameter(VersionPolicyParameter); ok {
		policy, problem := parsePolicy(text)
		if problem != "" {
			faults = append(faults, n.at(VersionPolicyParameter, "%s", problem))
		}
		v.Policy = policy
	}
	if text, ok := n.Parameter(VersionLabelsParameter); ok {
		labels, problems := parseLabels(text, numbered)
		for _, problem := range problems {
			faults = append(faults, n.at(VersionLabelsParameter, "%s", problem))
		}
		v.Labels = labels
	}
	shares, problems := n.versionShares(v.Labels, numbered)
	v.Traffic = shares
	faults = append(faults, problems...)
	if len(faults) == 0 && numbered {
		faults = n.leftOut(&v)
	}
	return v, faults
}

// ParseVersionPolicy reads latest, latest:2, all or specific:3,7.
func ParseVersionPolicy(text string) (VersionPolicy, error) {
	p, problem := parsePolicy(text)
	if problem != "" {
		return VersionPolicy{}, errors.New(problem)
	}
	return p, nil
}

// String is the policy as [ParseVersionPolicy] reads it.
func (p VersionPolicy) String() string {
	switch {
	case p.All:
		return "all"
	case p.Specific != nil:
		var words []string
		for _, version := range p.Specific {
			words = append(words, strconv.FormatInt(version, 10))
		}
		return "specific:" + strings.Join(words, ",")
	}
	return "latest:" + strconv.Itoa(max(p.Latest, 1))
}

// parsePolicy reads latest, latest:2, all or specific:3,7.
func parsePolicy(text string) (p VersionPolicy, problem string) {
	const want = "want latest, latest:2, all or specific:3,7"
	word, rest, given := strings.Cut(strings.TrimSpace(text), ":")
	switch {
	case word == "latest" && !given:
		p.Latest = 1
		return p, ""
	case word == "latest":
		n, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 32)
		if err != nil || n < 1 {
			return p, fmt.Sprintf("is %q; the number of versions is a whole number from 1 on, such as latest:2", text)
		}
		p.Latest = int(n)
		return p, ""
	case word == "all" && !given:
		p.All = true
		return p, ""
	case word == "specific":
		for part := range strings.SplitSeq(rest, ",") {
			n, ok := versionNumber(strings.TrimSpace(part))
			if !ok {
				return p, fmt.Sprintf("is %q; %q is no version, which is a whole number: write specific:3,7", text, strings.TrimSpace(part))
			}
			p.Specific = append(p.Specific, n)
		}
		slices.Sort(p.Specific)
		p.Specific = slices.Compact(p.Specific)
		return p, ""
	}
	return p, fmt.Sprintf("is %q; %s", text, want)
}

// parseLabels reads stable=3,canary=7.
func parseLabels(text string, numbered bool) (labels map[string]string, problems []string) {
	labels = map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		label, version, ok := strings.Cut(part, "=")
		label, version = strings.TrimSpace(label), strings.TrimSpace(version)
		_, isNumber := versionNumber(label)
		switch {
		case !ok || label == "" || version == "":
			problems = append(problems, fmt.Sprintf("has %q; want LABEL=VERSION, such as stable=3,canary=7", strings.TrimSpace(part)))
		case isNumber:
			problems = append(problems, fmt.Sprintf("has the label %q, which looks like a version; use a word", label))
		case strings.ContainsAny(label, "/: \t"):
			problems = append(problems, fmt.Sprintf("has the label %q; a label has no space, slash or colon", label))
		case numbered && !isVersion(version):
			problems = append(problems, fmt.Sprintf("gives %s the version %q; a version is a whole number, such as 3", label, version))
		case labels[label] != "":
			problems = append(problems, fmt.Sprintf("has the label %s twice", label))
		default:
			labels[label] = version
		}
	}
	return labels, problems
}

// versionShares reads the field versionTraffic.
func (n *Node) versionShares(labels map[string]string, numbered bool) (shares []VersionShare, faults []Fault) {
	sum := int32(0)
	for _, name := range slices.SortedFunc(maps.Keys(n.VersionTraffic), CompareVersions) {
		share := VersionShare{Name: name, Version: name, Percent: n.VersionTraffic[name]}
		at := "versionTraffic[" + name + "]"
		version, isLabel := labels[name]
		if isLabel {
			share.Version = version
		}
		if !isLabel && (numbered && !isVersion(name) || name == "") {
			faults = append(faults, Fault{Field: at, Message: fmt.Sprintf("%q is no version, which is a whole number, and no label of the parameter %s", name, VersionLabelsParameter)})
		}
		if share.Percent < 0 || share.Percent > 100 {
			faults = append(faults, Fault{Field: at, Message: fmt.Sprintf("%d is no percentage from 0 to 100", share.Percent)})
		}
		sum += share.Percent
		shares = append(shares, share)
	}
	if len(shares) > 0 && len(faults) == 0 && sum != 100 {
		faults = append(faults, Fault{Field: "versionTraffic", Message: fmt.Sprintf("the percentages sum up to %d; want 100", sum)})
	}
	return shares, faults
}

// leftOut finds versions that are named and never loaded.
func (n *Node) leftOut(v *Versions) (faults []Fault) {
	const help = "set the parameter " + VersionPolicyParameter + " to all, or name it there: specific:"
	named := map[string]bool{}
	for _, label := range slices.Sorted(maps.Keys(v.Labels)) {
		version := v.Labels[label]
		named[version] = true
		if v.Policy.leavesOut(version) {
			faults = append(faults, n.at(VersionLabelsParameter, "gives %s the version %s, which the parameter %s leaves out; %s%s", label, version, VersionPolicyParameter, help, version))
		}
	}
	for _, share := range v.Traffic {
		if share.Percent > 0 {
			named[share.Version] = true
		}
		if share.Percent > 0 && v.Policy.leavesOut(share.Version) && v.Labels[share.Name] == "" {
			faults = append(faults, Fault{Field: "versionTraffic[" + share.Name + "]",
				Message: fmt.Sprintf("the parameter %s leaves out version %s; %s%s", VersionPolicyParameter, share.Version, help, share.Version)})
		}
	}
	_, given := n.Parameter(VersionPolicyParameter)
	if most := v.Policy.keeps(); given && len(faults) == 0 && most > 0 && len(named) > most {
		all := slices.SortedFunc(maps.Keys(named), CompareVersions)
		text := fmt.Sprintf("%d versions are named, %s, and the server loads %d at a time; give the node the parameter %s, such as all, latest:%d or specific:%s",
			len(all), strings.Join(all, ", "), most, VersionPolicyParameter, len(all), strings.Join(all, ","))
		if len(v.Traffic) > 0 {
			return []Fault{{Field: "versionTraffic", Message: text}}
		}
		return []Fault{n.at(VersionLabelsParameter, "%s", text)}
	}
	return faults
}

// versionNumber reads a version of TensorFlow Serving's, which are not negative.
func versionNumber(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && strings.Trim(text, "0123456789") == ""
}

// isVersion reports whether a text is a version as servers spell it, without zeros before it.
func isVersion(text string) bool {
	n, ok := versionNumber(text)
	return ok && strconv.FormatInt(n, 10) == text
}

// CompareVersions orders versions: numbers by their value, then words.
func CompareVersions(a, b string) int {
	m, first := versionNumber(a)
	n, second := versionNumber(b)
	switch {
	case first && second && m != n:
		if m < n {
			return -1
		}
		return 1
	case first != second:
		if first {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// VersionsAnnotation of a pod is what may change of the versions of its executor's
// nodes while the pod runs: a [LiveVersions] by node, as JSON.
const VersionsAnnotation = "seldon.io/model-versions"

// LiveVersions is what may change of a node's versions without a new pod, since the
// executor alone acts by it.
type LiveVersions struct {
	// Labels is the value of the parameter version_labels; nil: there is none.
	Labels *string `json:"labels,omitempty"`
	// Traffic is the field versionTraffic.
	Traffic map[string]int32 `json:"traffic,omitempty"`
}

// TakeVersions takes that from a node, and reports whether there was any.
func (n *Node) TakeVersions() (l LiveVersions, found bool) {
	if text, ok := n.Parameter(VersionLabelsParameter); ok {
		l.Labels = &text
	}
	l.Traffic = n.VersionTraffic
	n.GiveVersions(LiveVersions{})
	return l, l.Labels != nil || len(l.Traffic) > 0
}

// GiveVersions sets it, in place of what the node says.
func (n *Node) GiveVersions(l LiveVersions) {
	others := slices.DeleteFunc(slices.Clone(n.Parameters), func(p Parameter) bool { return p.Name == VersionLabelsParameter })
	if l.Labels != nil {
		others = append(others, Parameter{Name: VersionLabelsParameter, Value: *l.Labels, Type: StringParameter})
	}
	n.Parameters, n.VersionTraffic = others, l.Traffic
}

// MissingVersions are faults of a node that names versions which are not there: each
// is a label, a share or a part of the policy.
func (n *Node) MissingVersions(there []int64) []Fault {
	said, faults := n.Versions(true)
	if len(faults) > 0 {
		return nil // They are told where they are checked.
	}
	sorted := slices.Sorted(slices.Values(there))
	missing := func(version string) bool {
		number, ok := versionNumber(version)
		return ok && !slices.Contains(sorted, number)
	}
	const text = "the model has no version %s; it has %s"
	var words []string
	for _, number := range sorted {
		words = append(words, strconv.FormatInt(number, 10))
	}
	has := strings.Join(words, ", ")
	for _, number := range said.Policy.Specific {
		if version := strconv.FormatInt(number, 10); missing(version) {
			faults = append(faults, n.at(VersionPolicyParameter, text, version, has))
		}
	}
	for _, label := range slices.Sorted(maps.Keys(said.Labels)) {
		if version := said.Labels[label]; missing(version) {
			faults = append(faults, n.at(VersionLabelsParameter, "gives %s the version %s: "+text, label, version, version, has))
		}
	}
	for _, share := range said.Traffic {
		if share.Name == share.Version && missing(share.Version) {
			faults = append(faults, Fault{Field: "versionTraffic[" + share.Name + "]", Message: fmt.Sprintf(text, share.Version, has)})
		}
	}
	return faults
}

// CompatVariable is the variable of the executor that asks for habits of Seldon Core v1: one
// of [CompatWords], or nothing.
const CompatVariable = "RADIANT_COMPAT"

// CompatWords are the versions whose habits the executor has.
func CompatWords() []string { return []string{"v1"} }

// RepositoryVariable is the variable of the executor that says what clients may ask of the
// repositories of servers: one of [RepositoryWords].
const RepositoryVariable = "RADIANT_REPOSITORY_API"

// RepositoryWords are nothing, which models there are, and to load and unload them too.
func RepositoryWords() []string { return []string{"none", "index", "all"} }
