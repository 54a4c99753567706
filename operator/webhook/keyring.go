package webhook

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"slices"
	"time"
)

// Lifetimes say how long certificates count.
type Lifetimes struct {
	// Authority is the lifetime of an authority, Serving that of a
	// certificate signed by it. Two thirds through, the next one is made.
	Authority, Serving time.Duration
	// Overlap is the time for which a new authority is published before a
	// certificate is signed by it, and an old one after the last such
	// certificate was replaced. It must be longer than the API servers take
	// to see a change, and than the replicas take to load one.
	Overlap time.Duration
}

// DefaultLifetimes leave a week and more for repairs if a renewal fails.
func DefaultLifetimes() Lifetimes {
	const day = 24 * time.Hour
	return Lifetimes{Authority: 365 * day, Serving: 30 * day, Overlap: time.Hour}
}

// skew is how far the clocks of a cluster's nodes may differ.
const skew = time.Minute

// keyring is what the replicas share: who signs, and what is served.
type keyring struct {
	// authorities are all that clients should trust, the newest first.
	authorities []*x509.Certificate
	// key is that of the newest authority; nil if it is lost.
	key crypto.Signer
	// serving and its key are nil before the first.
	serving    *x509.Certificate
	servingKey crypto.Signer
}

// withAuthority drops authorities that have expired, and adds a new one where
// the newest is in its last third, or cannot sign.
func (k keyring) withAuthority(now time.Time, l Lifetimes) (keyring, error) {
	k.authorities = slices.DeleteFunc(slices.Clone(k.authorities), func(c *x509.Certificate) bool { return now.After(c.NotAfter) })
	if len(k.authorities) > 0 && k.key != nil && !inLastThird(k.authorities[0], now) {
		return k, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return k, fmt.Errorf("making the key of an authority: %w", err)
	}
	template := &x509.Certificate{
		// The number tells authorities with one name apart.
		Subject:               pkix.Name{CommonName: "radiant webhook " + now.UTC().Format(time.RFC3339)},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(l.Authority),
		IsCA:                  true,
		MaxPathLenZero:        true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	c, err := sign(template, template, key.Public(), key)
	if err != nil {
		return k, fmt.Errorf("making an authority: %w", err)
	}
	k.authorities, k.key = append([]*x509.Certificate{c}, k.authorities...), key
	return k, nil
}

// withServing replaces the certificate that is served where it is in its last
// third, is for other hosts, or was not signed by the newest authority. The
// authority must have been published for long enough, unless what is served
// is of no use as it is.
func (k keyring) withServing(now time.Time, l Lifetimes, hosts []string) (keyring, error) {
	usable := k.serves(hosts, now)
	if usable && !inLastThird(k.serving, now) && k.serving.CheckSignatureFrom(k.authorities[0]) == nil {
		return k, nil
	}
	published := now.Sub(k.authorities[0].NotBefore.Add(skew))
	if usable && published < l.Overlap {
		return k, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return k, fmt.Errorf("making the key of a certificate: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		NotBefore:   now.Add(-skew),
		NotAfter:    earlier(now.Add(l.Serving), k.authorities[0].NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	c, err := sign(template, k.authorities[0], key.Public(), k.key)
	if err != nil {
		return k, fmt.Errorf("making a certificate: %w", err)
	}
	k.serving, k.servingKey = c, key
	return k, nil
}

// withoutOld drops the authorities behind the one that signed what is served,
// after all replicas have had time to load that.
func (k keyring) withoutOld(now time.Time, l Lifetimes) keyring {
	if k.serving == nil || now.Sub(k.serving.NotBefore.Add(skew)) < l.Overlap {
		return k
	}
	for i, c := range k.authorities {
		if k.serving.CheckSignatureFrom(c) == nil {
			k.authorities = k.authorities[:i+1]
			break
		}
	}
	return k
}

// serves reports whether clients that trust the authorities accept what is
// served.
func (k keyring) serves(hosts []string, now time.Time) bool {
	if k.serving == nil || k.servingKey == nil || now.After(k.serving.NotAfter) {
		return false
	}
	for _, host := range hosts {
		if k.serving.VerifyHostname(host) != nil {
			return false
		}
	}
	return slices.ContainsFunc(k.authorities, func(c *x509.Certificate) bool { return k.serving.CheckSignatureFrom(c) == nil })
}

func (k keyring) equal(other keyring) bool {
	same := func(a, b *x509.Certificate) bool { return a.Equal(b) }
	return slices.EqualFunc(k.authorities, other.authorities, same) && k.serving.Equal(other.serving)
}

func inLastThird(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(skew).Add(c.NotAfter.Sub(c.NotBefore.Add(skew)) * 2 / 3))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// matches reports whether key is the private key of c.
func matches(c *x509.Certificate, key crypto.Signer) bool {
	a, errA := x509.MarshalPKIXPublicKey(c.PublicKey)
	b, errB := x509.MarshalPKIXPublicKey(key.Public())
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
