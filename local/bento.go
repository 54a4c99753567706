package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/bento"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
)

// missingRoute is the problem of a node that names no route of its Bento, whose folder
// is at a file:// URI. Of one that does not tell its routes, and of an archive, nothing
// is known here.
func missingRoute(at string, n *graph.Node, server manifests.Server, uri string) v1.Problems {
	folder, isFile := strings.CutPrefix(uri, "file://")
	if v1.Protocol(server.Protocol) != v1.ProtocolBentoML || !isFile {
		return nil
	}
	path := at + ".modelUri"
	schema, err := os.ReadFile(filepath.Join(filepath.FromSlash(folder), filepath.FromSlash(bento.Schema)))
	if err != nil {
		return nil
	}
	routes, err := bento.Routes(schema)
	if err == nil {
		api, _ := n.Parameter(bento.Parameter)
		_, err = bento.Choose(routes, api)
		if i := slices.IndexFunc(n.Parameters, func(p graph.Parameter) bool { return p.Name == bento.Parameter }); i >= 0 {
			path = fmt.Sprintf("%s.parameters[%d].value", at, i)
		}
	}
	if err != nil {
		return v1.Problems{{Severity: v1.SeverityError, Path: path, Message: err.Error()}}
	}
	return nil
}
