package protocol

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/translate"
	"github.com/prime-radiant/radiant/graph"
)

// bentoml is what services of BentoML speak, over REST alone: parameters of a route by
// name, and a bare value back. The route stands where others have a model's name.
func bentoml() *Protocol {
	rest := Dialect{Form: translate.BentoJSON, Target: bentoPath, Query: bentoQueryPath, Describe: undescribed}
	return &Protocol{
		Name:        "bentoml",
		Dialects:    [2]Dialect{REST: rest, GRPC: rest},
		Failure:     plainFailure,
		FailureText: bentoFailureText,
		Health:      "/readyz",
		Describes:   true,
		RESTOnly:    true,
		Routed:      true,
	}
}

// bentoPath is a route, which a router is asked by as well: the route of the graph is
// the first number of its answer.
func bentoPath(c graph.Call, m message.Model) string {
	switch c {
	case graph.CallPredict, graph.CallTransformInput, graph.CallTransformOutput, graph.CallRoute:
		return "/" + strings.TrimPrefix(m.Name, "/")
	}
	return ""
}

func bentoQueryPath(q Query, _ message.Model) (string, []byte) {
	switch q {
	case QueryMetadata:
		return "/schema.json", nil
	case QueryStatus:
		return "/readyz", nil
	}
	return "", nil
}

// undescribed: nobody asks the executor for a schema of this form.
func undescribed(Description) ([]byte, error) {
	return nil, Errorf(Unimplemented, "no client asks for the schema of a Bento")
}

// bentoFailureText finds what a Bento says of a failure, with the parameters that it
// names.
func bentoFailureText(body []byte) string {
	type failure struct {
		Error  string `json:"error"`
		Detail []struct {
			Loc []any  `json:"loc"`
			Msg string `json:"msg"`
		} `json:"detail"`
	}
	var said failure
	if json.Unmarshal(body, &said) != nil {
		var list []failure
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return ""
		}
		said = list[0]
	}
	text := said.Error
	for _, d := range said.Detail {
		at := ""
		for i, step := range d.Loc {
			if i > 0 {
				at += "."
			}
			at += fmt.Sprint(step)
		}
		text += "; " + strings.TrimPrefix(at+": ", ": ") + d.Msg
	}
	return strings.TrimPrefix(text, "; ")
}
