// Package discovery is what passes between those who deal with the versions of models
// that are looked for while their servers run: the program beside a server that brings
// them, the executor that knows what the server says, and the operator that writes both
// into the status of a deployment.
package discovery

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// FileName is the file in the folder of a model that says what is known of its versions.
// A server looks for folders, and passes it over.
const FileName = ".radiant-versions.json"

// PathReport is where executors answer with a [Report], at their HTTP port.
const PathReport = "/model-versions"

const (
	// LabelRefreshed is, as "true", on Deployments whose executors answer there.
	LabelRefreshed = "machinelearning.seldon.io/refreshed"
	// AnnotationRefreshed holds a [Refreshed] as JSON.
	AnnotationRefreshed = "machinelearning.seldon.io/refreshed"
)

// A server that loads its model once, when it starts, takes a new version by a new pod in
// the place of its own.
const (
	// StartName is a link in the folder of the model to the version that its server starts
	// with.
	StartName = "start"
	// StartPrefix and the name of a node are the annotation of a pod that says which version
	// the node's server is to start with; without it, it is the newest.
	StartPrefix = "start-version.seldon.io/"
	// AnnotationStarts of a Deployment holds a [Choice] for each such node, by its name, as
	// JSON.
	AnnotationStarts = "machinelearning.seldon.io/start-versions"
)

// Choice is which version of a model servers are to start with.
type Choice struct {
	// Version is empty while each takes the newest.
	Version string `json:"version,omitempty"`
	// Refused are those with which servers were not ready in time, in ascending order.
	Refused []string `json:"refused,omitempty"`
	// Place is of the modelUri whose versions these are: see [PlaceOf].
	Place string `json:"place,omitempty"`
}

// PlaceOf tells a modelUri from another one: versions of both may have the same numbers. It
// shows nothing of what the URI says.
func PlaceOf(uri string) string {
	sum := sha256.Sum256([]byte(uri))
	return hex.EncodeToString(sum[:4])
}

// Start is what is known of a server that loads its model once, when it starts.
type Start struct {
	// Version is the one that it started with.
	Version string `json:"version"`
	// Told is the one that it was to start with; empty: the newest.
	Told string `json:"told,omitempty"`
	// Next is another one that would be taken now, and is whole; empty: there is none.
	Next string `json:"next,omitempty"`
	// Place is of the modelUri whose versions these are: see [PlaceOf].
	Place string `json:"place,omitempty"`
}

// Refreshed is what the annotation of a Deployment says.
type Refreshed struct {
	// Predictor is its name in the deployment.
	Predictor string `json:"predictor"`
	// ReportPort is where its pods answer [PathReport], with TLS or not.
	ReportPort int32 `json:"reportPort"`
	TLS        bool  `json:"tls,omitempty"`
}

// Found is what the file says.
type Found struct {
	// Ready is true once the folder had a version.
	Ready bool `json:"ready"`
	// Store is why the store cannot be asked; empty: it answered last.
	Store string `json:"store,omitempty"`
	// Start is nil where the server takes versions while it runs.
	Start *Start `json:"start,omitempty"`
	// Versions are those of which there is something to say, in ascending order.
	Versions []Known `json:"versions"`
}

// FoundIn is what was found, as it is written in the folder of the model; nothing where nobody
// has written there yet.
func FoundIn(folder string) Found {
	var f Found
	text, err := os.ReadFile(filepath.Join(folder, FileName))
	if err != nil || json.Unmarshal(text, &f) != nil {
		return Found{}
	}
	return f
}

// Known is what is known of one version in the folder.
type Known struct {
	Version int64 `json:"version"`
	// Since is when it was there, or was refused.
	Since time.Time `json:"since"`
	// Serving is when it was first seen to answer requests; nil: it was not yet.
	Serving *time.Time `json:"serving,omitempty"`
	Bytes   int64      `json:"bytes,omitempty"`
	// Refused is why it is not there, and Kind a word for that; empty: it is there.
	Refused string `json:"refused,omitempty"`
	Kind    string `json:"kind,omitempty"`
	// Aside is true while it is away from the server so that another one has its memory.
	Aside bool `json:"aside,omitempty"`
	// Note is what else there is to say of one that is there.
	Note string `json:"note,omitempty"`
}

// States of a version.
const (
	// Present: it is in the folder, and the server has not spoken of it.
	Present = "Present"
	Loading = "Loading"
	Serving = "Serving"
	// Unloading: the server is about to drop it.
	Unloading = "Unloading"
	// Failed: the server could not load it.
	Failed = "Failed"
	// Refused: it is in the store, and for some reason not in the folder.
	Refused = "Refused"
	// StoreAway is that of a node whose store cannot be asked.
	StoreAway = "StoreAway"
)

// Compare is the order of versions, which are numbers without zeroes before them.
func Compare(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// Report is what an executor says of all nodes whose models are looked for.
type Report struct {
	Nodes []Node `json:"nodes"`
}

// Node is one of them.
type Node struct {
	Node string `json:"node"`
	// Store is why the store cannot be asked; empty: it answered last.
	Store string `json:"store,omitempty"`
	// Start is nil where the server takes versions while it runs.
	Start    *Start    `json:"start,omitempty"`
	Versions []Version `json:"versions,omitempty"`
}

// Serves reports whether a version does.
func (n *Node) Serves(version string) bool {
	return slices.ContainsFunc(n.Versions, func(v Version) bool { return v.Version == version && v.State == Serving })
}

// Version is what becomes of one version, and since when as far as that is known.
type Version struct {
	Version string    `json:"version"`
	State   string    `json:"state"`
	Since   time.Time `json:"since,omitzero"`
	// Reason is a word and Message a sentence, where there is more to say.
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Merge is what becomes of the versions of a node's model: by the folder, as far as it
// can be read, and by the words of the server, such as AVAILABLE, for each version.
func Merge(node string, found Found, told map[string]string) Node {
	n := Node{Node: node, Store: found.Store, Start: found.Start}
	isFound := map[int64]bool{}
	for _, k := range found.Versions {
		n.Versions, isFound[k.Version] = append(n.Versions, k.version(told, found.Start)), true
	}
	for version, word := range told {
		number, err := strconv.ParseInt(version, 10, 64)
		if state := state(word); err == nil && !isFound[number] && state != "" && state != Failed {
			n.Versions = append(n.Versions, Version{Version: version, State: state})
		}
	}
	slices.SortFunc(n.Versions, func(a, b Version) int { return Compare(a.Version, b.Version) })
	return n
}

// state is that of the word of a server; empty: there is none. A version that has ended is
// of no more use, and did not load if it is in the folder.
func state(word string) string {
	switch word {
	case "START", "LOADING":
		return Loading
	case "AVAILABLE", "READY":
		return Serving
	case "UNLOADING":
		return Unloading
	case "END":
		return Failed
	}
	return ""
}

func (k Known) version(told map[string]string, start *Start) Version {
	v := Version{Version: strconv.FormatInt(k.Version, 10), State: Present, Since: k.Since, Message: k.Note}
	switch state := state(told[v.Version]); {
	case k.Refused != "":
		v.State, v.Reason, v.Message = Refused, reasons()[k.Kind], k.Refused
	case k.Aside:
		v.Reason, v.Message = "OneAtATime", "it is unloaded while another version is loaded, and comes back if that one does not serve"
	case state == Serving:
		v.State = Serving
		if k.Serving != nil {
			v.Since = *k.Serving
		}
	case state != "":
		v.State = state
	case start != nil && v.Version == start.Next:
		v.Reason, v.Message = "NextStart", "the server loads its model when it starts: another one starts with this version"
	}
	return v
}

// reasons are words for kinds of refusals, as a status has them.
func reasons() map[string]string {
	return map[string]string{
		"listing": "NotListed", "growing": "StillWritten", "incomplete": "Incomplete", "fetching": "NotFetched",
		"disk": "NoDiskSpace", "memory": "NoMemory", "broken": "NotLoaded", "unloading": "NotUnloaded",
	}
}
