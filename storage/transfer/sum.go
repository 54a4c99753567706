package transfer

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // what stores offer to find damage with
	"crypto/sha1" //nolint:gosec // Git's name for a file
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm names a digest.
type Algorithm string

// Algorithms of the stores.
const (
	SHA256    Algorithm = "sha256"
	SHA1      Algorithm = "sha1"
	GitSHA1   Algorithm = "git-sha1" // of a file in Git: its size is part of it
	MD5       Algorithm = "md5"
	CRC64NVME Algorithm = "crc64nvme"
	CRC32C    Algorithm = "crc32c"
	CRC32     Algorithm = "crc32"
)

// algorithm is a row of the table of digests.
type algorithm struct {
	make func(size int64) hash.Hash
	// rank orders them: names of content first, since they are what was asked
	// for, then the cheapest that finds damage. CRC-32C and CRC-64 have
	// instructions of their own; MD5 costs a second of CPU for 0.6 GB.
	rank int
}

func algorithms() map[Algorithm]algorithm {
	return map[Algorithm]algorithm{
		SHA256:    {func(int64) hash.Hash { return sha256.New() }, 1},
		GitSHA1:   {gitHash, 2},
		CRC64NVME: {func(int64) hash.Hash { return crc64nvme.New() }, 3},
		CRC32C:    {func(int64) hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }, 4},
		CRC32:     {func(int64) hash.Hash { return crc32.NewIEEE() }, 5},
		SHA1:      {func(int64) hash.Hash { return sha1.New() }, 6}, //nolint:gosec // as above
		MD5:       {func(int64) hash.Hash { return md5.New() }, 7},  //nolint:gosec // as above
	}
}

func gitHash(size int64) hash.Hash {
	h := sha1.New() //nolint:gosec // as above
	fmt.Fprintf(h, "blob %d\x00", size)
	return h
}

// Sum is a digest that content has.
type Sum struct {
	Algorithm Algorithm
	Value     []byte
}

func (s Sum) String() string { return string(s.Algorithm) + ":" + hex.EncodeToString(s.Value) }

// HexSum reads a digest in hexadecimal digits; none where text is not one.
func HexSum(a Algorithm, text string) []Sum { return sumOf(a, text, hex.DecodeString) }

// Base64Sum reads a digest in base64; none where text is not one.
func Base64Sum(a Algorithm, text string) []Sum {
	return sumOf(a, text, base64.StdEncoding.DecodeString)
}

func sumOf(a Algorithm, text string, decode func(string) ([]byte, error)) []Sum {
	value, err := decode(text)
	if err != nil || len(value) != algorithms()[a].make(0).Size() {
		return nil
	}
	return []Sum{{a, value}}
}

// best is the sum to compare; ok is false where there is none.
func best(sums []Sum) (sum Sum, ok bool) {
	table := algorithms()
	for _, s := range sums {
		if !ok || table[s.Algorithm].rank < table[sum.Algorithm].rank {
			sum, ok = s, true
		}
	}
	return sum, ok
}

// check compares a computed sum.
func (s Sum) check(h hash.Hash) error {
	if got := h.Sum(nil); !bytes.Equal(got, s.Value) {
		return fmt.Errorf("the content is damaged: its %s is %x, the store says %x", s.Algorithm, got, s.Value)
	}
	return nil
}
