package predictor

import (
	"context"

	"github.com/prime-radiant/radiant/executor/protocol"
)

func (c *caller) foreignQuery(ctx context.Context, n *node, q protocol.Query, m protocol.Message) (protocol.Message, error) {
	return m, protocol.Errorf(protocol.Unimplemented, "no")
}

// GraphMetadata TODO
func (p *Predictor) GraphMetadata(ctx context.Context, t protocol.Transport, m protocol.Message) (protocol.Message, error) {
	return m, protocol.Errorf(protocol.Unimplemented, "no")
}
