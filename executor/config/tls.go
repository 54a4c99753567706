package config

import (
	"errors"
	"strings"
)

// TLS names the files that secure connections. They are read again when they
// change.
type TLS struct {
	// CertFile and KeyFile switch the listeners to TLS when set.
	CertFile, KeyFile string
	// CAFile holds the authorities that certificates of nodes are judged by;
	// empty: those of the system. NodeCertFile and NodeKeyFile, if set, are
	// shown to nodes that ask for a certificate. All three count for nodes
	// with endpoint.tls.
	CAFile, NodeCertFile, NodeKeyFile string

	folder, certName, keyName string
}

// derive names the listeners' files, if there is a folder of them.
func (t *TLS) derive() {
	if t.folder != "" {
		dir := strings.TrimSuffix(t.folder, "/")
		t.CertFile, t.KeyFile = dir+"/"+t.certName, dir+"/"+t.keyName
	}
}

func (t *TLS) check() error {
	if (t.NodeCertFile == "") != (t.NodeKeyFile == "") {
		return errors.New("RADIANT_NODE_CERT_FILE and RADIANT_NODE_KEY_FILE: one is set without the other")
	}
	return nil
}
