package translate

import (
	"encoding/json"
	"maps"

	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/seldon"
)

// mergeMeta makes one meta of several, as Seldon's Python wrapper does for a
// combiner: tags and requestPath merged from left to right, metrics in a row,
// the first puid.
func mergeMeta(answers []*content) (meta, error) {
	var out meta
	var members [][]byte
	for _, m := range answers {
		if m.meta.proto != nil {
			out.proto = mergeProtoMeta(out.proto, m.meta.proto)
		}
		if m.meta.json != nil {
			members = append(members, m.meta.json)
		}
	}
	var err error
	switch len(members) {
	case 0:
	case 1:
		out.json = members[0]
	default:
		out.json, err = mergeJSONMeta(members)
	}
	return out, err
}

func mergeProtoMeta(into, m *seldon.Meta) *seldon.Meta {
	if into == nil {
		return proto.CloneOf(m)
	}
	puid := into.Puid
	proto.Merge(into, m)
	if puid != "" {
		into.Puid = puid
	}
	return into
}

func mergeJSONMeta(members [][]byte) ([]byte, error) {
	type jsonMeta struct {
		Metrics     []json.RawMessage          `json:"metrics,omitempty"`
		Puid        string                     `json:"puid,omitempty"`
		RequestPath map[string]json.RawMessage `json:"requestPath,omitempty"`
		Tags        map[string]json.RawMessage `json:"tags,omitempty"`
	}
	merged := jsonMeta{RequestPath: map[string]json.RawMessage{}, Tags: map[string]json.RawMessage{}}
	for i, text := range members {
		var m jsonMeta
		if err := json.Unmarshal(append(append([]byte{'{'}, text...), '}'), &m); err != nil {
			return nil, ofChild(i, refuse("", "meta: %s", reason(err)))
		}
		merged.Metrics = append(merged.Metrics, m.Metrics...)
		maps.Copy(merged.RequestPath, m.RequestPath)
		maps.Copy(merged.Tags, m.Tags)
		if merged.Puid == "" {
			merged.Puid = m.Puid
		}
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return nil, refuse("", "meta: %s", reason(err))
	}
	return text[1 : len(text)-1], nil
}
