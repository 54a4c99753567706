package certificate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // what older keys say
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
)

// decrypted makes a plain key in PEM of one that a password encrypts, in
// PKCS #8 as openssl writes it today or in the older way with a Proc-Type
// header. A key that is not encrypted is returned as it is.
func decrypted(text []byte, password string) ([]byte, error) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return text, nil
		}
		var der []byte
		var err error
		kind := block.Type
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY":
			kind = "PRIVATE KEY"
			der, err = openPKCS8(block.Bytes, password)
		case x509.IsEncryptedPEMBlock(block): //nolint:staticcheck // read, never written
			der, err = x509.DecryptPEMBlock(block, []byte(password)) //nolint:staticcheck // as above
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
	}
}

// The shapes of RFC 5208 (EncryptedPrivateKeyInfo) and RFC 8018 (PBES2 and
// PBKDF2).
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ Derivation, Encryption pkix.AlgorithmIdentifier }

type derivation struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	Function   pkix.AlgorithmIdentifier `asn1:"optional"`
}

// Object identifiers in text.
const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
)

// hashes are the functions of PBKDF2; without one it is HMAC with SHA-1.
func hashes(oid string) func() hash.Hash {
	switch oid {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.11":
		return sha512.New
	}
	return nil
}

// keyLengths are those of AES in CBC mode.
func keyLengths(oid string) int {
	switch oid {
	case "2.16.840.1.101.3.4.1.2":
		return 16
	case "2.16.840.1.101.3.4.1.22":
		return 24
	case "2.16.840.1.101.3.4.1.42":
		return 32
	}
	return 0
}

// maxIterations bounds the work that a file may ask for.
const maxIterations = 10_000_000

var errPassword = errors.New("the password does not fit")

func openPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var scheme pbes2
	var from derivation
	var vector []byte
	for _, part := range []struct {
		into any
		der  func() []byte
	}{
		{&key, func() []byte { return der }},
		{&scheme, func() []byte { return key.Algorithm.Parameters.FullBytes }},
		{&from, func() []byte { return scheme.Derivation.Parameters.FullBytes }},
		{&vector, func() []byte { return scheme.Encryption.Parameters.FullBytes }},
	} {
		if part.into != any(&key) && key.Algorithm.Algorithm.String() != oidPBES2 {
			return nil, errors.New("the encryption is none of PBES2: convert the key with openssl pkcs8 -topk8 -v2 aes-256-cbc")
		}
		if _, err := asn1.Unmarshal(part.der(), part.into); err != nil {
			return nil, err
		}
	}
	h, length := hashes(oid(from.Function)), keyLengths(oid(scheme.Encryption))
	if oid(scheme.Derivation) != oidPBKDF2 || h == nil || length == 0 || from.Iterations > maxIterations {
		return nil, errors.New("the encryption is unknown: convert the key with openssl pkcs8 -topk8 -v2 aes-256-cbc")
	}
	secret, err := pbkdf2.Key(h, password, from.Salt, from.Iterations, length)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	if len(vector) != aes.BlockSize || len(key.Data) == 0 || len(key.Data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%d bytes are no whole number of blocks", len(key.Data))
	}
	plain := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(plain, key.Data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errPassword
	}
	plain = plain[:len(plain)-padding]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errPassword
	}
	return plain, nil
}

// oid is an algorithm's identifier; empty where it is left out.
func oid(a pkix.AlgorithmIdentifier) string {
	if len(a.Algorithm) == 0 {
		return ""
	}
	return a.Algorithm.String()
}
