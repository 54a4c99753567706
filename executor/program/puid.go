package program

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// newPuid makes a random UUID (version 4). It names a request and protects
// nothing, so that the fast generator will do.
func newPuid() string {
	var id [16]byte
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64()) //nolint:gosec // no secret
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64()) //nolint:gosec // no secret
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], id[:4])
	for _, part := range [...][2]int{{9, 4}, {14, 6}, {19, 8}} {
		text[part[0]-1] = '-'
		hex.Encode(text[part[0]:part[0]+4], id[part[1]:part[1]+2])
	}
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return string(text[:])
}
