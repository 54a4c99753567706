package webhook

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// The keys of the Secret. The first three are those of other tools.
const (
	authoritiesKey  = "ca.crt"
	servingKey      = corev1.TLSCertKey
	servingKeyKey   = corev1.TLSPrivateKeyKey
	authorityKeyKey = "ca.key"
)

const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// decodeKeyring reads what can be read of a Secret. Parts that are broken, or
// do not belong to each other, count as missing, and are made anew.
func decodeKeyring(data map[string][]byte) keyring {
	k := keyring{authorities: certificates(data[authoritiesKey])}
	if key := privateKey(data[authorityKeyKey]); key != nil && len(k.authorities) > 0 && matches(k.authorities[0], key) {
		k.key = key
	}
	serving, key := certificates(data[servingKey]), privateKey(data[servingKeyKey])
	if len(serving) > 0 && key != nil && matches(serving[0], key) {
		k.serving, k.servingKey = serving[0], key
	}
	return k
}

// encode writes the keyring as the data of a Secret.
func (k keyring) encode() (map[string][]byte, error) {
	data := map[string][]byte{authoritiesKey: k.bundle()}
	if k.serving != nil {
		data[servingKey] = encodeCertificate(k.serving)
	}
	for name, key := range map[string]crypto.Signer{authorityKeyKey: k.key, servingKeyKey: k.servingKey} {
		if key == nil {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		data[name] = pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der})
	}
	return data, nil
}

// bundle is what clients should trust.
func (k keyring) bundle() []byte {
	var text bytes.Buffer
	for _, c := range k.authorities {
		text.Write(encodeCertificate(c))
	}
	return text.Bytes()
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: c.Raw})
}

func certificates(text []byte) []*x509.Certificate {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == certificateBlock {
			all = append(all, c)
		}
	}
}

func privateKey(text []byte) crypto.Signer {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil
	}
	signer, _ := key.(crypto.Signer)
	return signer
}
