package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/graph"
)

// HeaderVersion asks for a version of a model, or for one that has this label:
//
//	Seldon-Model-Version: 3
//	Seldon-Model-Version: classifier=3, ranker=stable
//
// The first form is meant for every node whose server has versions, the second for
// the nodes that it names. In an answer it says in the second form which versions gave
// it. Over gRPC it is metadata, in small letters.
const HeaderVersion = "Seldon-Model-Version"

// AskedVersion is what the value of [HeaderVersion] asks of a node: a version or a
// label; empty: nothing.
func AskedVersion(value, node string) string {
	if !strings.Contains(value, "=") {
		return unquoted(value)
	}
	for part := range strings.SplitSeq(value, ",") {
		if name, version, _ := strings.Cut(strings.TrimSpace(part), "="); name == node {
			return unquoted(version)
		}
	}
	return ""
}

func unquoted(text string) string { return strings.Trim(strings.TrimSpace(text), `"`) }

// AppendVersion appends which version of a node's model answered to the value of
// [HeaderVersion]. A name that cannot stand there is left out, and so is a version.
func AppendVersion(value, node, version string) string {
	if !isKey(node) || version == "" {
		return value
	}
	if strings.Trim(version, "0123456789") != "" {
		if !isKey(version) {
			return value
		}
		version = `"` + version + `"`
	}
	if value != "" {
		value += ", "
	}
	return value + node + "=" + version
}

// ModelVersion is a version of a model, as its server tells of it.
type ModelVersion struct {
	Version string
	// Available is true if it answers requests; State is the server's word for what
	// it does, and Reason why it does not answer, if the server says.
	Available     bool
	State, Reason string
}

// Inventory is how a server is asked over REST which versions of a model it has.
type Inventory struct {
	// Ask returns the path, and what is posted there; nil: it is asked by GET.
	Ask func(model string) (path string, body []byte)
	// Read reads the answer. Versions are in ascending order.
	Read func(model string, body []byte) ([]ModelVersion, error)
	// Ready is where a server says by its status whether one version answers, asked by
	// GET; nil: what Read says holds. MLServer calls all versions ready when one is.
	Ready func(model, version string) (path string)
}

func inOrder(all []ModelVersion) []ModelVersion {
	slices.SortFunc(all, func(a, b ModelVersion) int { return graph.CompareVersions(a.Version, b.Version) })
	return all
}

func tensorflowInventory() *Inventory {
	return &Inventory{
		Ask: func(model string) (string, []byte) { return tensorflowModelPath(message.Model{Name: model}), nil },
		Read: func(_ string, body []byte) ([]ModelVersion, error) {
			var told struct {
				Versions []struct {
					Version json.RawMessage `json:"version"`
					State   string          `json:"state"`
					Status  struct {
						Message string `json:"error_message"`
					} `json:"status"`
				} `json:"model_version_status"`
			}
			if err := json.Unmarshal(body, &told); err != nil {
				return nil, fmt.Errorf("reading the status of versions: %w", err)
			}
			var all []ModelVersion
			for _, v := range told.Versions {
				all = append(all, ModelVersion{strings.Trim(string(v.Version), `"`), v.State == "AVAILABLE", v.State, v.Status.Message})
			}
			return inOrder(all), nil
		},
	}
}

// v2IndexPath is where a server tells of its models.
const v2IndexPath = "/v2/repository/index"

func v2Inventory() *Inventory {
	return &Inventory{
		Ask: func(string) (string, []byte) { return v2IndexPath, []byte("{}") },
		Read: func(model string, body []byte) ([]ModelVersion, error) {
			var told []struct {
				Name    string          `json:"name"`
				Version json.RawMessage `json:"version"`
				State   string          `json:"state"`
				Reason  string          `json:"reason"`
			}
			if err := json.Unmarshal(body, &told); err != nil {
				return nil, fmt.Errorf("reading the index of models: %w", err)
			}
			var all []ModelVersion
			for _, v := range told {
				if v.Name != model {
					continue
				}
				version := ""
				if string(v.Version) != "null" {
					version = strings.Trim(string(v.Version), `"`)
				}
				all = append(all, ModelVersion{version, v.State == "READY", v.State, v.Reason})
			}
			return inOrder(all), nil
		},
		Ready: func(model, version string) string {
			return v2ModelPath(message.Model{Name: model, Version: version}) + "/ready"
		},
	}
}

// Unavailable is the word for a version of which its server's index says something else
// than the version itself.
const Unavailable = "UNAVAILABLE"

// number is a version that is a whole number; 0: it is none.
func number(version string) int64 {
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
