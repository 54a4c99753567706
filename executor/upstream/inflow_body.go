package upstream

import (
	"io"

	"github.com/prime-radiant/radiant/executor/memory"
)

// InflowBody makes the body of a gRPC request that net/http serves wait for
// memory, as [Inflow] does for connections.
func InflowBody(body io.ReadCloser, b *memory.Budget) io.ReadCloser {
	if b == nil {
		return body
	}
	return &inflowBody{ReadCloser: body, messages: newInflowConn(nil, b, false)}
}

type inflowBody struct {
	io.ReadCloser
	messages *inflowConn
}

// theStream numbers the one stream that a body is.
const theStream = 1

func (b *inflowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	for at := 0; at < n; {
		f := frameReader{kind: frameData, stream: theStream, left: n - at}
		used, refused := b.messages.data(p[at:n], &f)
		if refused != nil {
			return at, refused
		}
		at += used
	}
	return n, err
}

func (b *inflowBody) Close() error {
	b.messages.forget(theStream)
	return b.ReadCloser.Close()
}
