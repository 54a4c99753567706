// Package report is how an operator says what it has seen: as the difference of
// two statuses.
package report

import (
	"encoding/json"

	jsonpatch "github.com/evanphx/json-patch/v5"
)

// StatusPatch is the difference of two statuses of an object as a merge patch, nil
// if there is none. It holds for one resource version of the object alone, if
// version is not empty: the API server refuses it for any other.
func StatusPatch(before, after any, version string) ([]byte, error) {
	var texts [2][]byte
	for i, status := range []any{before, after} {
		var err error
		if texts[i], err = json.Marshal(status); err != nil {
			return nil, err
		}
	}
	patch, err := jsonpatch.CreateMergePatch(texts[0], texts[1])
	if err != nil || string(patch) == "{}" {
		return nil, err
	}
	object := map[string]any{"status": json.RawMessage(patch)}
	if version != "" {
		object["metadata"] = map[string]any{"resourceVersion": version}
	}
	return json.Marshal(object)
}
