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
}

func (t *TLS) environment(env Env) {
	if dir := env.or("SELDON_CERT_MOUNT_PATH", ""); dir != "" {
		dir = strings.TrimSuffix(dir, "/")
		t.CertFile = dir + "/" + env.or("SELDON_CERT_FILE_NAME", "tls.crt")
		t.KeyFile = dir + "/" + env.or("SELDON_CERT_KEY_FILE_NAME", "tls.key")
	}
	t.CAFile = env.or("RADIANT_NODE_CA_FILE", "")
	t.NodeCertFile = env.or("RADIANT_NODE_CERT_FILE", "")
	t.NodeKeyFile = env.or("RADIANT_NODE_KEY_FILE", "")
}

func (t *TLS) check() error {
	if (t.NodeCertFile == "") != (t.NodeKeyFile == "") {
		return errors.New("RADIANT_NODE_CERT_FILE and RADIANT_NODE_KEY_FILE: one is set without the other")
	}
	return nil
}
