package program

import (
	"net/http"
	"os"

	"github.com/prime-radiant/radiant/executor/config"
	"github.com/prime-radiant/radiant/executor/openapi"
	"github.com/prime-radiant/radiant/executor/predictor"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// docs is the page about what is served.
func docs(c *config.Config, p *predictor.Predictor, outside *protocol.Protocol) http.Handler {
	page := &openapi.Page{
		Names:    openapi.Names{Deployment: c.Deployment, Namespace: c.Namespace, Predictor: c.Predictor.Name},
		Document: outside.Document,
		Source:   p,
	}
	if c.Examples != "" {
		page.Hints.Files = os.DirFS(c.Examples)
	}
	return page
}
