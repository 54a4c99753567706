package server

import (
	"context"
	"time"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Observer sees the requests to one service go by.
type Observer interface {
	// Begin is called before a request is answered, and returns the context in
	// which it is answered. header is the header of a REST request.
	Begin(ctx context.Context, puid string, header *message.Header) context.Context
	// End is called after a request that began at start. code is the status of
	// HTTP or the code of gRPC that answered it; ctx is the one that Begin returned.
	End(ctx context.Context, start time.Time, code int)
}

// services are what REST requests are counted as.
var services = [protocol.Docs + 1]string{
	protocol.Live:           "status",
	protocol.Ready:          "status",
	protocol.Predict:        "predictions",
	protocol.Feedback:       "feedback",
	protocol.Status:         "status",
	protocol.Metadata:       "metadata",
	protocol.Config:         "metadata",
	protocol.Statistics:     "metadata",
	protocol.GraphMetadata:  "metadata",
	protocol.ServerMetadata: "metadata",

	protocol.RepositoryIndex:  "repository",
	protocol.RepositoryLoad:   "repository",
	protocol.RepositoryUnload: "repository",
}

// observed reports whether requests to an operation are of interest. Those of a
// kubelet, which alone may come by any method, are not.
func observed(r *protocol.Operation) bool { return r.Method != "" }

func restObservers(o *Options) (all [protocol.Docs + 1]Observer) {
	for i := range o.Protocol.Operations {
		r := &o.Protocol.Operations[i]
		if o.Observe != nil && all[r.Action] == nil && observed(r) {
			all[r.Action] = o.Observe(protocol.REST, services[r.Action], r.Method)
		}
	}
	return all
}

// Kinds of a gRPC method, as observers get them.
const (
	unary     = "unary"
	streaming = "stream"
)

func (s *rpc) observer(m protocol.Method, kind string) Observer {
	if s.options.Observe == nil {
		return nil
	}
	return s.options.Observe(protocol.GRPC, "/"+m.Service+"/"+m.Name, kind)
}
