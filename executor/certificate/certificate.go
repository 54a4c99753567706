// Package certificate reads certificates and authorities from files, and reads
// them again when the files change, so that a renewed certificate needs no
// restart.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Pair is a certificate and its key.
type Pair struct{ files *files[*tls.Certificate] }

// LoadPair reads a pair in PEM. When the files change they are read again; failed
// gets the error of a later reading, and the pair that was read last stays in use.
func LoadPair(certFile, keyFile string, failed func(error)) (*Pair, error) {
	return NewPair(Source{File: certFile}, Source{File: keyFile}, "", failed)
}

// NewPair is [LoadPair] for a pair that may be given as text, and whose key may
// be encrypted with a password.
func NewPair(cert, key Source, password string, failed func(error)) (*Pair, error) {
	f, err := load(sourceFiles(cert, key), failed, func() (*tls.Certificate, error) {
		c, certErr := cert.read()
		k, keyErr := key.read()
		if err := errors.Join(certErr, keyErr); err != nil {
			return nil, err
		}
		if password != "" {
			var err error
			if k, err = decrypted(k, password); err != nil {
				return nil, fmt.Errorf("decrypting the key: %w", err)
			}
		}
		pair, err := tls.X509KeyPair(c, k)
		return &pair, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return &Pair{f}, nil
}

// Server is the settings of a listener that shows the pair and offers these
// application protocols.
func (p *Pair) Server(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.files.current(), nil },
	}
}

// Client is the settings of connections to servers. An authority, if not nil,
// takes the place of those that the system trusts; a pair, if not nil, is shown
// to servers that ask for one.
func Client(authority *Authority, own *Pair) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if own != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.files.current(), nil }
	}
	if authority != nil {
		// The authorities of a tls.Config are fixed; VerifyConnection does what
		// it leaves out, with those that the file holds by now.
		c.InsecureSkipVerify = true
		c.VerifyConnection = authority.verify
	}
	return c
}

// Fresh is [Client] for who opens each connection with settings made for it.
// The server's name, or its address, is judged by the ServerName to be set in
// them.
func Fresh(authority *Authority, own *Pair) func() *tls.Config {
	return func() *tls.Config {
		c := Client(nil, own)
		if authority != nil {
			c.RootCAs = authority.files.current()
		}
		return c
	}
}

// Authority is what servers' certificates are judged by.
type Authority struct{ files *files[*x509.CertPool] }

// LoadAuthority reads certificates in PEM, and again as [LoadPair] does.
func LoadAuthority(file string, failed func(error)) (*Authority, error) {
	return NewAuthority(Source{File: file}, failed)
}

// NewAuthority is [LoadAuthority] for certificates that may be given as text.
func NewAuthority(s Source, failed func(error)) (*Authority, error) {
	f, err := load(sourceFiles(s), failed, func() (*x509.CertPool, error) {
		text, err := s.read()
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", s)
		}
		return pool, nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	return &Authority{f}, nil
}

func (a *Authority) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	o := x509.VerifyOptions{Roots: a.files.current(), DNSName: s.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

// files is a value that is read from files.
type files[T any] struct {
	names  []string
	read   func() (T, error)
	failed func(error)

	mu    sync.Mutex
	value T
	seen  []os.FileInfo
	// reported is the text of the error that failed got last. It is empty when
	// the last reading succeeded.
	reported string
}

func load[T any](names []string, failed func(error), read func() (T, error)) (*files[T], error) {
	f := &files[T]{names: names, read: read, failed: failed}
	f.seen, _ = stat(names)
	var err error
	f.value, err = read()
	return f, err
}

// current is the value of the files as they are now: they are looked at, which
// costs microseconds, and read if they are others than before. Files that are
// being replaced may not fit together for a moment; they are read again the
// next time.
func (f *files[T]) current() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, err := stat(f.names)
	if err == nil && slices.EqualFunc(now, f.seen, same) {
		return f.value
	}
	value, readErr := f.read()
	if err := errors.Join(err, readErr); err != nil {
		// Every new connection finds the same error; it is reported once.
		if text := err.Error(); text != f.reported {
			f.reported = text
			f.failed(fmt.Errorf("reading a renewed certificate, the old one stays in use: %w", err))
		}
		return f.value
	}
	f.value, f.seen, f.reported = value, now, ""
	return value
}

func stat(names []string) ([]os.FileInfo, error) {
	var all []os.FileInfo
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
