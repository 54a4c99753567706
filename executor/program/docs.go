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
	return &openapi.Page{
		Names:    openapi.Names{Deployment: c.Deployment, Namespace: c.Namespace, Predictor: c.Predictor.Name},
		Document: outside.Document,
		Source:   p,
		Hints:    hints(c),
	}
}

// hints are what is known of the models besides what servers tell.
func hints(c *config.Config) (h openapi.Hints) {
	if c.Examples != "" {
		h.Files = os.DirFS(c.Examples)
	}
	return h
}
