package v1

import (
	"strings"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/setting"
)

// NodeSettings are the parameters of built-in nodes, in a group for each
// implementation, as docs/nodes.md shows them.
func NodeSettings() []setting.Setting {
	var all []setting.Setting
	for _, row := range graph.BuiltinTable() {
		for i := range row.Parameters {
			d := &row.Parameters[i]
			s := setting.Setting{
				Group: string(row.Name), Parameter: d.Name, Type: string(d.Type), Value: d.Default,
				Bounds: d.Bounds.String(), Doc: d.Words,
			}
			if len(d.Choices) > 0 {
				s.Bounds = strings.Join(d.Choices, ", ")
			}
			if d.List {
				s.Bounds = strings.TrimPrefix(s.Bounds+", separated by commas", ", ")
			}
			if d.Required {
				s.Value = "(needed)"
			}
			all = append(all, s)
		}
	}
	return all
}
