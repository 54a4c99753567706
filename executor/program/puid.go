package program

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
)

// puids makes random UUIDs (version 4). They name requests and protect nothing, so
// that the fast generator will do. Many are parts of one string, so that one costs
// no memory of its own.
type puids struct {
	chunks sync.Pool // of *chunk
}

// chunk is ids that nobody has yet, one behind the other.
type chunk struct{ left string }

// chunkIDs is how many ids are made at once: each keeps all of them in memory.
const (
	chunkIDs = 32
	idLength = 36
)

func (p *puids) next() string {
	c, ok := p.chunks.Get().(*chunk)
	if !ok {
		c = &chunk{}
	}
	if c.left == "" {
		var b strings.Builder
		b.Grow(chunkIDs * idLength)
		for range chunkIDs {
			id := newPuid()
			b.Write(id[:])
		}
		c.left = b.String()
	}
	id := c.left[:idLength]
	c.left = c.left[idLength:]
	p.chunks.Put(c)
	return id
}

func newPuid() (text [idLength]byte) {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // no secret
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // no secret
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	hex.Encode(text[:8], id[:4])
	for _, part := range [...][2]int{{9, 4}, {14, 6}, {19, 8}} {
		text[part[0]-1] = '-'
		hex.Encode(text[part[0]:part[0]+4], id[part[1]:part[1]+2])
	}
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return text
}
